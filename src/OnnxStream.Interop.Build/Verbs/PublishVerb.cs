using System.Formats.Tar;
using System.IO.Compression;
using System.Text.RegularExpressions;

namespace OnnxStream.Interop.Build.Verbs;

/// <summary>Makes the tool as others get it: for any processor of its kind, with its licences.</summary>
internal static partial class PublishVerb
{
    private const string Folder = "artifacts/publish";

    /// <summary>Runs the verb with the options of the command line.</summary>
    public static void Run(BuildHost host, IReadOnlyList<string> arguments)
    {
        VerbOptions options = VerbOptions.Parse("publish", exampleRid: "linux-arm64", mayAllowGcc: false, arguments, mayMakeImage: true);
        string rid = options.RuntimeIdentifier
            ?? host.RuntimeIdentifier
            ?? throw new BuildFailedException("publish: this machine's runtime identifier is unknown; say it with --rid");
        if (options.MakesImage && !rid.StartsWith("linux-", StringComparison.Ordinal))
        {
            throw new BuildFailedException($"publish: images are for Linux, not for {rid}; add --rid linux-x64 or --rid linux-arm64");
        }

        NativeVerb.Build(host, rid);
        string folder = $"{Folder}/{rid}";
        string symbols = $"{Folder}/symbols/{rid}";
        CreateEmpty(folder);
        CreateEmpty(symbols);
        Compile(host, rid, folder);
        foreach (string path in Directory.EnumerateFileSystemEntries(folder).Where(path => Path.GetExtension(path) is ".dbg" or ".pdb" or ".dSYM"))
        {
            Directory.Move(path, Path.Combine(symbols, Path.GetFileName(path)));
        }

        MakeExecutable(folder);
        foreach (string text in (string[])["LICENSE", "THIRD-PARTY-NOTICES.txt"])
        {
            File.Copy(text, Path.Combine(folder, text), overwrite: true);
        }

        if (rid.StartsWith("linux-", StringComparison.Ordinal))
        {
            // For glibc 2.34 or newer, as the native library. Half of the program is what serves and works on many machines.
            ExternalProgram.Run(
                host.Find("cmake")!, $"-DLIBRARY={folder}/onnxstream", "-DMAXIMUM_BYTES=56000000", "-DGLIBC_FLOOR=2.34", "-P", "cmake/check-program.cmake");
        }

        string archive = $"{Folder}/onnxstream-{rid}.tar.gz";
        using (GZipStream stream = new(File.Create(archive), CompressionLevel.Optimal))
        {
            TarFile.CreateFromDirectory(folder, stream, includeBaseDirectory: true);
        }

        Console.WriteLine($"publish: {folder} is ready, and {archive}");
        if (options.MakesImage)
        {
            MakeImage(rid);
        }
    }

    // The base comes from its registry, or from the one that the environment variable ContainerBaseImage names.
    private static void MakeImage(string rid)
    {
        string image = $"{Folder}/onnxstream-{rid}.image.tar.gz";
        File.Delete(image);
        ExternalProgram.Run(
            ExternalProgram.Dotnet,
            "msbuild", "packaging/OnnxStream.Interop.Image.csproj", "-t:PublishContainer", $"-p:RuntimeIdentifier={rid}", $"-p:ContainerArchiveOutputPath={Path.GetFullPath(image)}", "-nodeReuse:false", "-v:quiet");
        Console.WriteLine($"publish: {image} is ready; docker load -i or podman load -i takes it");
    }

    private static void Compile(BuildHost host, string rid, string folder)
    {
        string log = $"artifacts/publish-{rid}.log";
        bool compiled = CompiledTool.Publish(host, rid, folder, log, CompiledTool.VariantOptions(host, rid));
        string text = File.ReadAllText(log);
        if (!compiled)
        {
            Console.Error.Write(text);
            throw new BuildFailedException($"publish: the tool could not be compiled for {rid}.");
        }

        // Trimming and compiling ahead of time warn of what may fail at run time: nothing may.
        string[] warnings = [.. text.Split('\n').Where(line => Warning().IsMatch(line))];
        if (warnings.Length > 0)
        {
            throw new BuildFailedException($"{string.Join('\n', warnings)}\npublish: the warnings above must go.");
        }
    }

    private static void CreateEmpty(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }

        _ = Directory.CreateDirectory(folder);
    }

    private static void MakeExecutable(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        const UnixFileMode ReadAndExecute =
            UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute
            | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
        foreach (string path in Directory.EnumerateFiles(folder))
        {
            if (Path.GetFileName(path).StartsWith("onnxstream", StringComparison.Ordinal) || Path.GetExtension(path) is ".so" or ".dylib")
            {
                File.SetUnixFileMode(path, ReadAndExecute | UnixFileMode.UserWrite);
            }
        }
    }

    [GeneratedRegex("warning (IL|NETSDK)")]
    private static partial Regex Warning();
}
