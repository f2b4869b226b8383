#nullable enable

using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using System.Text;

namespace OnnxStream.Interop.Bindings;

/// <summary>Finds the native library <c>onnxstream_xnnpack</c>, the one place that decides where it is looked for.</summary>
/// <remarks>
/// In this order: the file or folder named by the environment variable <c>ONNXSTREAM_NATIVE</c>; beside the application;
/// <c>runtimes/&lt;rid&gt;/native</c> below it; the runtime's own probing. If all fail, the exception tells every path that was
/// tried and why it failed.
/// <para>
/// A host that sets a resolver for this assembly (<see cref="NativeLibrary.SetDllImportResolver"/>) before it uses anything of it decides instead. What that does not
/// find, the runtime looks for, and then this class.
/// </para>
/// </remarks>
public static class NativeLibraryResolver
{
    /// <summary>The name under which the bindings import the library.</summary>
    public const string LibraryName = "onnxstream_xnnpack";

    /// <summary>The environment variable that overrides where the library is (a file or a folder).</summary>
    public const string EnvironmentVariable = "ONNXSTREAM_NATIVE";

    // Platforms with a package.
    private static readonly string[] s_packaged = ["linux-arm64", "linux-x64", "osx-arm64", "win-x64"];

    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "The resolver must be there before the first import runs, whoever calls it.")]
    internal static void Register()
    {
        Assembly assembly = typeof(NativeLibraryResolver).Assembly;
        try
        {
            NativeLibrary.SetDllImportResolver(assembly, Resolve);
        }
        catch (InvalidOperationException)
        {
            // The host has set a resolver of its own, which is asked first. What neither it nor the runtime finds is looked for here.
            AssemblyLoadContext.GetLoadContext(assembly)!.ResolvingUnmanagedDll += (from, name) => from == assembly && name == LibraryName ? Load(Candidates(), () => 0) : 0;
        }
    }

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
    /// <param name="system">The runtime identifier of the system, which tells musl from glibc; null for this one.</param>
    /// <exception cref="DllNotFoundException">None can be; the message says why for each, and what to do.</exception>
    internal static nint Load(IEnumerable<string> candidates, Func<nint> probe, string? system = null)
    {
        string? otherPlatform = null;
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
                    trace.Append("  ").Append(path).Append(": ");
                    if (PlatformOf(path) is { } platform && platform != RuntimeIdentifier)
                    {
                        otherPlatform = platform;
                        trace.AppendLine($"is for {platform}");
                    }
                    else
                    {
                        trace.AppendLine(exception.Message);
                    }
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
            Cure(system ?? RuntimeInformation.RuntimeIdentifier, otherPlatform));
    }

    private static string Cure(string system, string? otherPlatform)
    {
        string build = $"build it on such a machine with './build.sh native' and set {EnvironmentVariable} to the file";
        return
            system.Contains("musl", StringComparison.Ordinal)
                ? $"This system's C library is musl, as in Alpine Linux, and the library of the packages needs glibc. Use a system or container image with glibc, such as Debian's or Ubuntu's, or {build}." :
            !s_packaged.Contains(RuntimeIdentifier)
                ? $"There is no package for {RuntimeIdentifier}, only for {string.Join(", ", s_packaged)}: {build}." :
            otherPlatform is not null
                ? $"The program was published for {otherPlatform}, but this process is {RuntimeIdentifier}: publish it with 'dotnet publish -r {RuntimeIdentifier}', or set {EnvironmentVariable} to the right file." :
            $"Reference the package OnnxStream.Interop.Native.{RuntimeIdentifier} (OnnxStream.Interop does), publish with '-r {RuntimeIdentifier}', " +
            $"or build it with './build.sh native', or set {EnvironmentVariable} to the file.";
    }

    // What an ELF file says of the processor that it is for; null for other files.
    private static string? PlatformOf(string path)
    {
        const int MachineOffset = 18;
        Span<byte> header = stackalloc byte[MachineOffset + sizeof(ushort)];
        using FileStream file = File.OpenRead(path);
        if (file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) < header.Length || !header.StartsWith("\u007fELF"u8))
        {
            return null;
        }

        return BinaryPrimitives.ReadUInt16LittleEndian(header[MachineOffset..]) switch
        {
            62 => "linux-x64",
            183 => "linux-arm64",
            40 => "linux-arm",
            _ => null,
        };
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
