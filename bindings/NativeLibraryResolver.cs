using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace OnnxStream.Interop.Bindings;

/// <summary>Finds the native library <c>onnxstream_xnnpack</c>, the one place that decides where it is looked for.</summary>
/// <remarks>
/// In this order: the file or folder named by the environment variable <c>ONNXSTREAM_NATIVE</c>; beside the application;
/// <c>runtimes/&lt;rid&gt;/native</c> below it; the runtime's own probing. If all fail, the exception tells every path that was
/// tried and why it failed.
/// </remarks>
public static class NativeLibraryResolver
{
    /// <summary>The name under which the bindings import the library.</summary>
    public const string LibraryName = "onnxstream_xnnpack";

    /// <summary>The environment variable that overrides where the library is (a file or a folder).</summary>
    public const string EnvironmentVariable = "ONNXSTREAM_NATIVE";

    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "The resolver must be there before the first import runs, whoever calls it.")]
    internal static void Register() => NativeLibrary.SetDllImportResolver(typeof(NativeLibraryResolver).Assembly, Resolve);

    /// <summary>The file name of the library on this operating system.</summary>
    public static string FileName =>
        OperatingSystem.IsWindows() ? $"{LibraryName}.dll" :
        OperatingSystem.IsMacOS() ? $"lib{LibraryName}.dylib" :
        $"lib{LibraryName}.so";

    /// <summary>The runtime identifier (such as <c>linux-x64</c>) whose native library this process needs.</summary>
    public static string RuntimeIdentifier
    {
        get
        {
            string system = OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux";
            return $"{system}-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";
        }
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath) =>
        name == LibraryName ? Load(Candidates(), () => NativeLibrary.TryLoad(name, assembly, searchPath, out nint handle) ? handle : 0) : 0;

    /// <summary>Loads the first library that can be loaded.</summary>
    /// <param name="candidates">The files to try.</param>
    /// <param name="probe">Tries the runtime's own search paths; returns 0 if it finds nothing.</param>
    /// <exception cref="DllNotFoundException">None can be; the message says why for each.</exception>
    internal static nint Load(IEnumerable<string> candidates, Func<nint> probe)
    {
        StringBuilder trace = new();
        foreach (string path in candidates)
        {
            if (!File.Exists(path))
            {
                trace.Append("  ").Append(path).AppendLine(": no such file");
            }
            else
            {
                try
                {
                    return NativeLibrary.Load(path);
                }
                catch (Exception exception) when (exception is DllNotFoundException or BadImageFormatException)
                {
                    trace.Append("  ").Append(path).Append(": ").AppendLine(exception.Message);
                }
            }
        }

        nint found = probe();
        if (found != 0)
        {
            return found;
        }

        trace.AppendLine("  the runtime's own search paths: not found");
        throw new DllNotFoundException(
            $"The native library '{FileName}' for {RuntimeIdentifier} could not be loaded. Tried:{Environment.NewLine}{trace}" +
            $"Reference the package OnnxStream.Interop.Native.{RuntimeIdentifier}, or build it with './build.sh native', " +
            $"or set {EnvironmentVariable} to the file. (musl-based systems such as Alpine need a build of their own.)");
    }

    private static IEnumerable<string> Candidates()
    {
        if (Environment.GetEnvironmentVariable(EnvironmentVariable) is { Length: > 0 } configured)
        {
            yield return Directory.Exists(configured) ? Path.Combine(configured, FileName) : configured;
        }

        yield return Path.Combine(AppContext.BaseDirectory, FileName);
        yield return Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeIdentifier, "native", FileName);
    }
}
