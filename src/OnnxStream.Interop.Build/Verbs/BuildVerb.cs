namespace OnnxStream.Interop.Build.Verbs;

/// <summary>Builds the native library and the solution, and leaves the tool in one place.</summary>
internal static class BuildVerb
{
    private const string Programs = "artifacts/bin";

    /// <summary>Where the tool is left.</summary>
    public static string Tool { get; } = OperatingSystem.IsWindows() ? $"{Programs}/onnxstream.cmd" : $"{Programs}/onnxstream";

    /// <summary>Runs the verb.</summary>
    /// <returns>The full path of the program that <see cref="Tool"/> starts.</returns>
    public static string Run(BuildHost host)
    {
        BuildSolution(host);
        string program = CompileTool(host) ?? Path.Combine("OnnxStream.Interop.Cli", "release", ToolFile);
        File.Delete(Tool);
        // Relative, so that it still points to the program when the checkout has moved.
        if (OperatingSystem.IsWindows())
        {
            // Only administrators may make links.
            File.WriteAllText(Tool, $"@\"%~dp0{program}\" %*\r\n");
        }
        else
        {
            _ = File.CreateSymbolicLink(Tool, program);
        }

        Console.WriteLine($"build: {Tool} is ready");
        return Path.GetFullPath(program, Path.GetFullPath(Programs));
    }

    /// <summary>Builds the native library and the solution, without the compiled tool.</summary>
    public static void BuildSolution(BuildHost host)
    {
        NativeVerb.Build(host);
        ExternalProgram.Run(
            ExternalProgram.Dotnet, "build", Repository.Solution, "-c", "Release", "-nodeReuse:false", "-v", "quiet", "-clp:Summary");
    }

    private static string ToolFile { get; } = OperatingSystem.IsWindows() ? "onnxstream.exe" : "onnxstream";

    // Compiles the tool ahead of time, for this very processor: 30 MiB less memory than where .NET compiles while it runs, and a quicker
    // start. Returns where it is, from artifacts/bin. Without a compiler package or a linker, the tool that .NET compiles is used.
    private static string? CompileTool(BuildHost host)
    {
        if (host.RuntimeIdentifier is not string rid)
        {
            return null;
        }

        string compiled = Path.Combine($"onnxstream-{rid}", ToolFile);
        if (IsCurrent(new FileInfo(Path.Combine(Programs, compiled))))
        {
            return compiled;
        }

        const string Log = "artifacts/aot.log";
        if (CompiledTool.Publish(host, rid, Path.Combine(Programs, $"onnxstream-{rid}"), Log, "-p:IlcInstructionSet=native"))
        {
            return compiled;
        }

        Console.Error.WriteLine($"build: the tool could not be compiled ahead of time ({Log} says why); it runs with more memory");
        return null;
    }

    private static bool IsCurrent(FileInfo compiled) =>
        compiled.Exists
        && File.GetLastWriteTimeUtc(OrderVerb.List) <= compiled.LastWriteTimeUtc
        && !((string[])[$"{Programs}/OnnxStream.Interop.Cli/release", "artifacts/native"])
            .SelectMany(folder => new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories))
            .Any(file => file.Extension is ".dll" or ".so" or ".dylib" && file.LastWriteTimeUtc > compiled.LastWriteTimeUtc);
}
