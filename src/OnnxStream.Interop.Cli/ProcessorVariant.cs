using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace OnnxStream.Interop.Cli;

/// <summary>The same program, compiled for newer processors, beside the one for all of them.</summary>
/// <remarks>
/// What is compiled ahead of time for every x86 processor has vectors of 128 bits and no fused multiply-add: networks took up to twice as long. So a
/// package has a second program for processors with AVX2, and the first one becomes it where it can. Where .NET compiles while it runs, and where the program was
/// compiled for the machine that it runs on, there is no second one.
/// </remarks>
internal static unsafe partial class ProcessorVariant
{
    /// <summary>The file of the second program, named for the level of the x86-64 psABI that it needs.</summary>
    public const string FileName = "onnxstream-x86-64-v3";

    // The instructions of the level, by the system's names. It lists those that it has made usable; .NET's own questions are answered when the program is compiled.
    private static readonly string[] s_level3 = ["avx2", "fma", "bmi1", "bmi2", "movbe", "f16c"];

    // Of the level, too, but some virtual machines do not list it. It needs nothing of the system, so the processor's answer is enough.
    private static bool HasLeadingZeroCount
    {
        get
        {
            const int ExtendedFeatures = unchecked((int)0x80000001);
            const int LeadingZeroCount = 1 << 5;
            return X86Base.IsSupported && (X86Base.CpuId(ExtendedFeatures, 0).Ecx & LeadingZeroCount) != 0;
        }
    }

    private static bool IsForAll => Vector<byte>.Count == 16 && !RuntimeFeature.IsDynamicCodeCompiled;

    private static bool HasLevel3
    {
        get
        {
            try
            {
                // flags		: fpu vme de
                string? flags = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("flags", StringComparison.Ordinal));
                return HasLeadingZeroCount && flags is not null && s_level3.All(flags.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries).Contains);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                return false;
            }
        }
    }

    /// <summary>Goes on as the program for newer processors; returns where there is none, or this processor is none of them.</summary>
    /// <param name="arguments">The arguments of this program.</param>
    public static void Become(string[] arguments)
    {
        if (!OperatingSystem.IsLinux() || !IsForAll)
        {
            return;
        }

        string path = Path.Combine(AppContext.BaseDirectory, FileName);
        if (!File.Exists(path) || !HasLevel3)
        {
            return;
        }

        // It returns only where the system refuses: then this program does as well.
        nint[] pointers = new nint[arguments.Length + 2];
        pointers[0] = Marshal.StringToCoTaskMemUTF8(path);
        for (int i = 0; i < arguments.Length; i++)
        {
            pointers[i + 1] = Marshal.StringToCoTaskMemUTF8(arguments[i]);
        }

        fixed (nint* list = pointers)
        {
            _ = execv(path, list);
        }

        Array.ForEach(pointers, Marshal.FreeCoTaskMem);
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int execv(string path, nint* arguments);
}
