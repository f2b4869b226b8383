namespace OnnxStream.Interop.Cli.Tests.Build;

/// <summary><c>build.sh</c> on machines that lack something, played by programs that only pretend.</summary>
[Platform("Linux", Reason = "The machines that are played are Linux ones.")]
internal sealed class BuildScriptTests
{
    private static readonly string[] Basics =
        ["bash", "basename", "cat", "chmod", "dirname", "env", "grep", "id", "ls", "mktemp", "rm", "touch", "uname"];

    private static readonly string[] AllTools = ["clang-16", "ld.lld", "ninja", "cmake", "python3"];

    [Test]
    public void Help_lists_the_verbs()
    {
        string help = Repository.Run("bash", ["build.sh", "help"]).AssertSucceeded().Output;
        foreach (string verb in (string[])["native", "bindings", "build", "test", "demo", "pack", "clean", "help"])
        {
            Assert.That(help, Does.Match($@"(?m)^  {verb} "));
        }
    }

    [Test]
    public void An_unknown_verb_fails()
    {
        Invocation unknown = Repository.Run("bash", ["build.sh", "frobnicate"]);
        Assert.That(unknown.ExitCode, Is.EqualTo(1));
        Assert.That(unknown.Error, Does.Contain("unknown verb 'frobnicate'"));
    }

    [Test]
    public void With_all_tools_there_nothing_is_installed()
    {
        using Machine machine = new(userId: 0, AllTools);
        Assert.That(machine.Build("native").AssertSucceeded().Output, Is.EqualTo("cmake -DQUIET=ON -P cmake/native.cmake\n"));
    }

    [Test]
    public void Options_of_native_reach_CMake()
    {
        using Machine machine = new(userId: 0, AllTools);
        Assert.That(
            machine.Build("native", "--rid", "linux-x64", "--allow-gcc").AssertSucceeded().Output,
            Is.EqualTo("cmake -DRID=linux-x64 -DALLOW_GCC=ON -DQUIET=ON -P cmake/native.cmake\n"));
    }

    [Test]
    public void Root_gets_what_is_missing_and_only_that()
    {
        using Machine machine = new(userId: 0, "cmake", "python3");
        string[] lines = machine.Build("native").AssertSucceeded().Output.TrimEnd().Split('\n');
        using (Assert.EnterMultipleScope())
        {
            Assert.That(lines, Is.EqualTo(new[]
            {
                "tools: installing clang-16 lld-16 ninja-build with apt-get",
                "cmake -DQUIET=ON -P cmake/native.cmake",
            }));
            Assert.That(machine.AptCalls, Is.EqualTo(new[]
            {
                "update -q",
                "install -q -y --no-install-recommends clang-16 lld-16 ninja-build",
            }));
        }
    }

    [Test]
    public void A_missing_linker_is_taken_from_the_release_of_the_compiler()
    {
        using Machine machine = new(userId: 0, "clang-19", "ninja", "cmake", "python3");
        machine.Build("native").AssertSucceeded();
        Assert.That(machine.AptCalls[^1], Does.EndWith("--no-install-recommends lld-19"));
    }

    [Test]
    public void Others_are_told_the_command()
    {
        using Machine machine = new(userId: 1000);
        Invocation native = machine.Build("native");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(native.ExitCode, Is.EqualTo(1));
            Assert.That(native.Error, Is.EqualTo(
                "tools: missing: clang lld ninja cmake python3. Install with: " +
                "sudo apt-get update && sudo apt-get install --no-install-recommends clang-16 lld-16 ninja-build cmake python3\n"));
            Assert.That(machine.AptCalls, Is.Empty);
        }
    }

    [Test]
    public void A_Clang_that_is_too_old_is_none()
    {
        using Machine machine = new(userId: 1000, "ld.lld", "ninja", "cmake", "python3");
        machine.AddClang("clang", 14);
        Assert.That(machine.Build("native").Error, Does.StartWith("tools: missing: clang lld."));
    }

    [Test]
    public void GCC_needs_no_Clang_when_it_is_allowed()
    {
        using Machine machine = new(userId: 1000, "ld.lld", "ninja", "cmake", "python3");
        machine.Build("native", "--allow-gcc").AssertSucceeded();
    }

    [Test]
    public void A_failed_installation_shows_what_apt_said()
    {
        using Machine machine = new(userId: 0);
        machine.Add("apt-get", "echo 'E: no network'; exit 100");
        Invocation native = machine.Build("native");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(native.ExitCode, Is.EqualTo(1));
            Assert.That(native.Error, Does.Contain("E: no network").And.Contain("apt-get update failed"));
        }
    }

    [Test]
    public void Building_without_an_SDK_says_where_to_get_one()
    {
        using Machine machine = new(userId: 0, AllTools);
        Assert.That(machine.Build("build").Error, Does.Contain("the .NET 10 SDK is needed: https://"));
    }

    [Test]
    public void Building_with_an_older_SDK_says_so()
    {
        using Machine machine = new(userId: 0, AllTools);
        machine.Add("dotnet", "echo 8.0.100");
        Assert.That(machine.Build("build").Error, Does.Contain("but dotnet is 8.0.100"));
    }

    /// <summary>A machine that has a few basic programs and the tools that are named; its apt-get provides whatever it is asked for.</summary>
    private sealed class Machine : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public Machine(int userId, params string[] tools)
        {
            foreach (string program in Basics)
            {
                string source = ((string[])["/usr/bin", "/bin"]).Select(folder => Path.Combine(folder, program)).First(File.Exists);
                File.CreateSymbolicLink(_folder[program], source);
            }

            File.Delete(_folder["id"]);
            Add("id", $"echo {userId}");
            Add("apt-cache", "[[ $2 == clang-1[6-9] ]] && echo \"Package: $2\"");
            Add("apt-get", $"""
                echo "$@" >>"{_folder["apt.log"]}"
                shift
                for word in "$@"; do
                  case $word in
                    clang-*) "{_folder["make-clang"]}" "$word" ;;
                    lld-*) touch "{_folder.Path}/ld.lld"; chmod +x "{_folder.Path}/ld.lld" ;;
                    ninja-build) touch "{_folder.Path}/ninja"; chmod +x "{_folder.Path}/ninja" ;;
                  esac
                done
                """);
            Add("make-clang", $"cat \"{_folder["clang.template"]}\" >\"{_folder.Path}/$1\"; chmod +x \"{_folder.Path}/$1\"");
            File.WriteAllText(_folder["clang.template"], ClangScript(16));
            foreach (string tool in tools)
            {
                if (tool.StartsWith("clang-", StringComparison.Ordinal))
                {
                    AddClang(tool, int.Parse(tool["clang-".Length..]));
                }
                else
                {
                    Add(tool, $"echo {tool} \"$@\"");
                }
            }
        }

        public string[] AptCalls => File.Exists(_folder["apt.log"]) ? File.ReadAllLines(_folder["apt.log"]) : [];

        public void Add(string name, string script)
        {
            File.WriteAllText(_folder[name], $"#!/bin/bash\n{script}\n");
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(_folder[name], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }
        }

        public void AddClang(string name, int version) => Add(name, ClangScript(version)["#!/bin/bash\n".Length..]);

        public Invocation Build(params string[] arguments) =>
            Repository.Run(_folder["bash"], ["build.sh", .. arguments], new Dictionary<string, string> { ["PATH"] = _folder.Path });

        public void Dispose() => _folder.Dispose();

        private static string ClangScript(int version) =>
            $"#!/bin/bash\nif [[ $1 == --version ]]; then echo 'Debian clang version {version}.0.6'; else echo ld.lld; fi\n";
    }
}
