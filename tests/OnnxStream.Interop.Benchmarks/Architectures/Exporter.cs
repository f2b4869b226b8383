using System.ComponentModel;
using System.Diagnostics;
using System.Security.Cryptography;
using OnnxStream.Interop.Benchmarks.Engines;

namespace OnnxStream.Interop.Benchmarks.Architectures;

/// <summary>The scripts that export networks with PyTorch: those that make the small ones of the tests as well.</summary>
/// <param name="Folder">The folder of the scripts.</param>
internal sealed record Exporter(string Folder)
{
    private const string Script = "export_models.py";

    // Debian's packages belong to Debian's Python, which need not be the first one on the path.
    private static readonly string[] s_interpreters = ["/usr/bin/python3", "python3", "python"];

    /// <summary>The scripts of this repository, from its root.</summary>
    public static Exporter Default { get; } = new(Path.Combine("tests", "OnnxStream.Interop.Tests", "Models", "architectures"));

    /// <summary>What the scripts are: it changes when they do.</summary>
    /// <exception cref="DirectoryNotFoundException">There are no scripts.</exception>
    public string Version()
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string file in Scripts())
        {
            hash.AppendData(File.ReadAllBytes(file));
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }

    /// <summary>Exports a network in its published size: <c>model.onnx</c>, and <c>inputs/*.npy</c>.</summary>
    /// <param name="name">The network.</param>
    /// <param name="folder">Where the files go.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="FileNotFoundException">There is no Python with PyTorch.</exception>
    /// <exception cref="IOException">The script failed.</exception>
    public void Export(string name, string folder, CancellationToken cancellationToken)
    {
        string output = Path.Combine(folder, "exported");
        MeasuredProcess process = MeasuredProcess.Run(new ProcessStartInfo(Interpreter(["torch", "torchvision", "onnx"], cancellationToken), [Path.Combine(Folder, Script), name, "--output", output]), cancellationToken);
        if (process.ExitCode != 0)
        {
            throw new IOException($"{Script} {name} failed with exit code {process.ExitCode}: {process.Error.Trim()}");
        }

        foreach (string entry in Directory.GetFileSystemEntries(Path.Combine(output, name)))
        {
            Directory.Move(entry, Path.Combine(folder, Path.GetFileName(entry)));
        }

        Directory.Delete(output, recursive: true);
    }

    private string[] Scripts()
    {
        if (!Directory.Exists(Folder))
        {
            throw new DirectoryNotFoundException($"{Folder}: no such folder. Networks are exported by the scripts in it: start from the root of the repository.");
        }

        return [.. Directory.GetFiles(Folder, "*_modules.py").Append(Path.Combine(Folder, Script)).Order(StringComparer.Ordinal)];
    }

    /// <summary>A Python that has certain modules.</summary>
    /// <param name="modules">The modules, which Debian has in packages <c>python3-MODULE</c>.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    public static string Interpreter(IReadOnlyList<string> modules, CancellationToken cancellationToken)
    {
        foreach (string interpreter in s_interpreters)
        {
            try
            {
                if (MeasuredProcess.Run(new ProcessStartInfo(interpreter, ["-c", $"import {string.Join(", ", modules)}"]), cancellationToken).ExitCode == 0)
                {
                    return interpreter;
                }
            }
            catch (Win32Exception)
            {
                // There is no such program.
            }
        }

        throw new FileNotFoundException(
            $"No Python with {string.Join(", ", modules)} was found, which make the networks. On Debian: apt-get install --no-install-recommends {string.Join(' ', modules.Select(module => $"python3-{module}"))}");
    }
}
