namespace OnnxStream.Interop.Build.Tests;

/// <summary><c>build.sh</c> as people call it.</summary>
[Platform("Linux", Reason = "The simulated machines are Linux ones.")]
internal sealed class BuildScriptTests
{
    [Test]
    public void Help_lists_the_verbs()
    {
        using Machine machine = new();
        machine.AddDotnet();
        string help = machine.Build("help").AssertSucceeded().Output;
        foreach (string verb in (string[])["native", "bindings", "build", "test", "demo", "publish", "pack", "order", "fuzz", "bench", "clean", "help"])
        {
            Assert.That(help, Does.Match($@"(?m)^  {verb} "));
        }

        Assert.That(machine.Build().AssertSucceeded().Output, Is.EqualTo(help));
    }

    [Test]
    public void An_unknown_verb_fails()
    {
        using Machine machine = new();
        machine.AddDotnet();
        Invocation unknown = machine.Build("frobnicate");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(unknown.ExitCode, Is.EqualTo(1));
            Assert.That(unknown.Output, Is.Empty);
            Assert.That(unknown.Error, Does.StartWith("Usage: ./build.sh VERB\n").And.EndWith("\nbuild.sh: unknown verb 'frobnicate'\n"));
        }
    }

    [Test]
    public void With_all_tools_there_nothing_is_installed()
    {
        using Machine machine = new(Machine.AllTools);
        machine.AddDotnet();
        Assert.That(
            machine.Build("native").AssertSucceeded().Output,
            Is.EqualTo($"cmake -DCLANG={machine["clang-16"]} -DQUIET=ON -P cmake/native.cmake\n"));
        Assert.That(machine.AptCalls, Is.Empty);
    }

    [Test]
    public void Options_of_native_reach_CMake()
    {
        using Machine machine = new(Machine.AllTools);
        machine.AddDotnet();
        Assert.That(
            machine.Build("native", "--rid", "linux-x64", "--allow-gcc").AssertSucceeded().Output,
            Is.EqualTo($"cmake -DRID=linux-x64 -DALLOW_GCC=ON -DCLANG={machine["clang-16"]} -DQUIET=ON -P cmake/native.cmake\n"));
    }

    [Test]
    public void The_build_ends_with_the_exit_code_of_the_program_that_failed()
    {
        using Machine machine = new(Machine.AllTools);
        machine.AddDotnet();
        machine.Add("cmake", "echo 'CMake Error' >&2; exit 3");
        Invocation native = machine.Build("build");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(native.ExitCode, Is.EqualTo(3));
            Assert.That(native.Error, Is.EqualTo("CMake Error\n"));
        }
    }

    [Test]
    public void Terminating_the_build_ends_all_that_it_started()
    {
        using Machine machine = new(Machine.AllTools);
        machine.AddDotnet();
        machine.Add("cmake", $"/bin/sleep 300 & echo $! >\"{machine["started"]}\"; wait");
        machine.Add("terminate", $"""
            bash build.sh native &
            build=$!
            until [[ -s "{machine["started"]}" ]]; do /bin/sleep 0.1; done
            kill -TERM $build
            wait $build
            """);
        Invocation terminated = machine.Run("terminate");
        string sleeper = File.ReadAllText(machine["started"]).Trim();
        // Where nobody asks for its exit code, a process that ended keeps its number, but not its command line.
        string commandLine = $"/proc/{sleeper}/cmdline";
        using (Assert.EnterMultipleScope())
        {
            Assert.That(terminated.ExitCode, Is.EqualTo(128 + 15));
            Assert.That(File.Exists(commandLine) ? File.ReadAllText(commandLine) : "", Is.Empty);
        }
    }

    [Test]
    public void Without_an_SDK_it_says_where_to_get_one()
    {
        using Machine machine = new(Machine.AllTools);
        Invocation build = machine.Build("build");
        Assert.That(build.ExitCode, Is.EqualTo(1));
        Assert.That(build.Error, Does.Contain("the .NET 10 SDK is needed: https://"));
    }

    [Test]
    public void With_an_older_SDK_it_says_so()
    {
        using Machine machine = new(Machine.AllTools);
        machine.Add("dotnet", "echo 8.0.100");
        Invocation build = machine.BuildFreshClone("build");
        Assert.That(build.ExitCode, Is.EqualTo(1));
        Assert.That(build.Error, Does.Contain("but dotnet is 8.0.100"));
    }

    [Test]
    public void With_no_SDK_that_suits_it_says_so()
    {
        using Machine machine = new(Machine.AllTools);
        machine.Add("dotnet", "exit 155");
        Invocation build = machine.BuildFreshClone("build");
        Assert.That(build.ExitCode, Is.EqualTo(1));
        Assert.That(build.Error, Does.Contain("no .NET SDK that suits global.json"));
    }
}
