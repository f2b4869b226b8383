using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Text;
using OnnxStream.Interop.Bindings;

namespace OnnxStream.Interop.Native;

/// <summary>Initialises XNNPACK once and turns its status codes into exceptions: the only place that does.</summary>
internal static unsafe class XnnpackLibrary
{
    /// <summary>How many bytes past the end of weights and tensors XNNPACK may read: 16, in whole lines of a processor's cache. They must be there, whatever is in them.</summary>
    public const int ReadPastEnd = 64;

    /// <summary>The environment variable that names the newest instruction set that XNNPACK may use: to test kernels of other processors.</summary>
    private const string InstructionSetVariable = "ONNXSTREAM_ISA";

    private static readonly Lock s_lock = new();
    private static bool s_initialized;

    /// <summary>Initialises XNNPACK with the counting allocator. Cheap after the first call.</summary>
    /// <exception cref="XnnpackException">The processor lacks what XNNPACK needs at least, or what <c>ONNXSTREAM_ISA</c> names.</exception>
    public static void Initialize()
    {
        lock (s_lock)
        {
            if (!s_initialized)
            {
                LimitInstructionSets();
                Check((xnn_status)Abi.onnxstream_initialize(), nameof(Abi.onnxstream_initialize));
                _ = Abi.onnxstream_add_kernels();
                s_initialized = true;
            }
        }
    }

    /// <summary>Throws unless <paramref name="status"/> is success.</summary>
    /// <param name="status">What the function returned.</param>
    /// <param name="function">The function's name.</param>
    /// <param name="details">What it was called for: node, shapes.</param>
    /// <exception cref="NativeMemoryException">XNNPACK ran out of memory.</exception>
    /// <exception cref="XnnpackException">Anything else.</exception>
    [StackTraceHidden]
    public static void Check(xnn_status status, string function, string details = "")
    {
        if (status != xnn_status.xnn_status_success)
        {
            Throw(status, function, details);
        }
    }

    /// <summary>Throws unless a create function made an operator.</summary>
    /// <remarks>Where the memory for zero padding is refused, XNNPACK returns success and no operator.</remarks>
    /// <exception cref="NativeMemoryException">XNNPACK ran out of memory.</exception>
    /// <exception cref="XnnpackException">Anything else.</exception>
    [StackTraceHidden]
    public static void CheckCreated(xnn_status status, xnn_operator* created, string function, string details = "") =>
        Check(status == xnn_status.xnn_status_success && created is null ? xnn_status.xnn_status_out_of_memory : status, function, details);

    /// <summary>The instruction sets that XNNPACK uses on this processor.</summary>
    /// <exception cref="XnnpackException">The processor lacks what XNNPACK needs at least.</exception>
    public static IReadOnlyList<string> ReadInstructionSets()
    {
        Initialize();
        return ListInstructionSets();
    }

    private static List<string> ListInstructionSets()
    {
        List<string> names = [];
        while (Marshal.PtrToStringUTF8((nint)Abi.onnxstream_instruction_set((nuint)names.Count)) is { } name)
        {
            names.Add(name);
        }

        return names;
    }

    /// <summary>The micro-kernel that multiplies matrices of a type; null where there is none, or where it cannot be told.</summary>
    /// <param name="type">"f32", "f16" or "qd8_f32_qc8w", as XNNPACK names types.</param>
    /// <exception cref="XnnpackException">The processor lacks what XNNPACK needs at least.</exception>
    public static string? ReadMatrixKernel(string type)
    {
        Initialize();
        fixed (byte* name = Encoding.UTF8.GetBytes($"{type}\0"))
        {
            string? kernel = Marshal.PtrToStringUTF8((nint)Abi.onnxstream_matrix_kernel(name));
            return string.IsNullOrEmpty(kernel) ? null : kernel;
        }
    }

    // XNNPACK chooses kernels when it is initialised, so this comes before.
    private static void LimitInstructionSets()
    {
        if (Environment.GetEnvironmentVariable(InstructionSetVariable) is not { Length: > 0 } newest)
        {
            return;
        }

        fixed (byte* name = Encoding.UTF8.GetBytes($"{newest}\0"))
        {
            if (Abi.onnxstream_limit_instruction_sets(name) == 0)
            {
                throw new XnnpackException(
                    nameof(Abi.onnxstream_limit_instruction_sets), "unsupported_hardware", $"{InstructionSetVariable}={newest}; here it can be {string.Join(", ", ListInstructionSets())}");
            }
        }
    }

    [DoesNotReturn]
    [StackTraceHidden]
    private static void Throw(xnn_status status, string function, string details)
    {
        string name = status.ToString().Replace("xnn_status_", "", StringComparison.Ordinal);
        if (status == xnn_status.xnn_status_out_of_memory)
        {
            throw new NativeMemoryException(0, $"{function} ran out of memory{(details.Length == 0 ? "" : $" for {details}")}.");
        }

        throw new XnnpackException(function, name, details);
    }
}
