using System.Runtime.InteropServices;
using OnnxStream.Interop.Build.Tools;

namespace OnnxStream.Interop.Build.Tests;

/// <summary>
/// A Linux machine that has bash and the tools that are named. The tools are scripts that only say what they were called with, and
/// apt-get brings whatever it is asked for.
/// </summary>
internal sealed class Machine : IDisposable
{
    /// <summary>All that the native library is built with.</summary>
    public static IReadOnlyList<string> AllTools { get; } = ["clang-16", "ld.lld", "ninja", "cmake", "python3"];

    private readonly TemporaryFolder _folder = new();

    public Machine(params IEnumerable<string> tools)
    {
        foreach (string program in (string[])["bash", "dirname", "find", "touch"])
        {
            _ = File.CreateSymbolicLink(_folder[program], BuildHost.Current.Find(program)!);
        }

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
        AddClang("clang.template", 16);
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

    /// <summary>What apt-get was called with.</summary>
    public string[] AptCalls => File.Exists(_folder["apt.log"]) ? File.ReadAllLines(_folder["apt.log"]) : [];

    /// <summary>The full path of one of its programs.</summary>
    public string this[string program] => _folder[program];

    /// <summary>The machine as the build sees it.</summary>
    public BuildHost Host(bool isRoot) => new(OSPlatform.Linux, Architecture.X64, isRoot, _folder.Path);

    /// <summary>Installs what is missing.</summary>
    /// <param name="isRoot">Whether the user may.</param>
    /// <param name="allowGcc">Whether GCC will do.</param>
    /// <returns>The Clang to build with, and what was printed.</returns>
    public (Clang? Clang, string Output) Install(bool isRoot, bool allowGcc = false)
    {
        using StringWriter output = new();
        Clang? clang = ToolInstallation.Ensure(Host(isRoot), runtimeIdentifier: null, allowGcc, output);
        return (clang, output.ToString());
    }

    public void Add(string name, string script)
    {
        File.WriteAllText(_folder[name], $"#!/bin/bash\n{script}\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(_folder[name], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    public void AddClang(string name, int version) =>
        Add(name, $"if [[ $1 == --version ]]; then echo 'Debian clang version {version}.0.6'; else echo ld.lld; fi");

    /// <summary>Adds the real .NET SDK, which is what the build runs on.</summary>
    public void AddDotnet() => File.CreateSymbolicLink(_folder["dotnet"], BuildHost.Current.Find("dotnet")!);

    /// <summary>Runs <c>build.sh</c> of this repository.</summary>
    public Invocation Build(params IEnumerable<string> arguments) => Invocation.Of(_folder["bash"], _folder.Path, ["build.sh", .. arguments]);

    /// <summary>Runs one of its programs in the root of this repository.</summary>
    public Invocation Run(string program) => Invocation.Of(_folder[program], _folder.Path);

    /// <summary>Runs a copy of <c>build.sh</c> in a folder where nothing was built yet.</summary>
    public Invocation BuildFreshClone(params IEnumerable<string> arguments)
    {
        File.Copy(Path.Combine(Repository.FindRoot(AppContext.BaseDirectory), "build.sh"), _folder["build.sh"]);
        return Invocation.Of(_folder["bash"], _folder.Path, [_folder["build.sh"], .. arguments]);
    }

    public void Dispose() => _folder.Dispose();
}
