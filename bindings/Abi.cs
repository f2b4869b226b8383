using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Bindings;

/// <summary>What the native library adds to XNNPACK: kernels, the sizes of its C structures, and what it chose for this processor.</summary>
public static unsafe class Abi
{
    /// <summary>The size in bytes that the C compiler gave the structure <paramref name="name"/> (UTF-8, zero terminated), or 0 if it is unknown.</summary>
    [DllImport("onnxstream_xnnpack", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    public static extern nuint onnxstream_sizeof(byte* name);

    /// <summary>
    /// Gives XNNPACK the kernels of this library that suit the processor. Once, after <c>xnn_initialize</c> and before any operator is made.
    /// Returns how many; 0 where XNNPACK's own are the best.
    /// </summary>
    [DllImport("onnxstream_xnnpack", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    public static extern nuint onnxstream_add_kernels();

    /// <summary>
    /// The name (UTF-8, zero terminated) of the micro-kernel that multiplies matrices of a type ("f32", "f16" or "qd8_f32_qc8w"); empty
    /// where this processor has none, or where the library's object format cannot tell. After <c>xnn_initialize</c>.
    /// </summary>
    [DllImport("onnxstream_xnnpack", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    public static extern byte* onnxstream_matrix_kernel(byte* type);

    /// <summary>The instruction set (UTF-8, zero terminated) at an index among those that XNNPACK uses on this processor; null behind the last.</summary>
    [DllImport("onnxstream_xnnpack", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    public static extern byte* onnxstream_instruction_set(nuint index);

    /// <summary>
    /// Has XNNPACK use no instruction set above <paramref name="newest"/> (UTF-8, zero terminated), which is one that it
    /// uses: for tests of other processors' kernels. Once, before <c>xnn_initialize</c>. Returns 0 where XNNPACK uses no
    /// instruction set of that name here.
    /// </summary>
    [DllImport("onnxstream_xnnpack", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    public static extern int onnxstream_limit_instruction_sets(byte* newest);
}
