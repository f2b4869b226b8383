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

    /// <summary>
    /// Starts XNNPACK with the allocator of this library, once for the process. Returns an <c>xnn_status</c>.
    /// </summary>
    [DllImport("onnxstream_xnnpack", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    public static extern int onnxstream_initialize();

    /// <summary>Allocates bytes, aligned to 64, and charges them to the thread's account; null if its limit or the system does not allow it.</summary>
    [DllImport("onnxstream_xnnpack", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    public static extern void* onnxstream_allocate(nuint bytes);

    /// <summary>Frees what <see cref="onnxstream_allocate"/> or XNNPACK has allocated; null is allowed.</summary>
    [DllImport("onnxstream_xnnpack", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    public static extern void onnxstream_free(void* pointer);

    /// <summary>Where the process counts: bytes that are allocated now, the most that were, and the number of allocations until one fails (negative for never).</summary>
    [DllImport("onnxstream_xnnpack", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    public static extern long* onnxstream_memory_totals();

    /// <summary>Counts bytes for the process that no block stands for.</summary>
    [DllImport("onnxstream_xnnpack", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    public static extern void onnxstream_memory_count(long bytes);

    /// <summary>
    /// Opens an account inside of another one (or null): five numbers of 64 bits, the bytes that are charged, the most that were, the limit, the number of users, and
    /// the account around. Null if the system has no memory.
    /// </summary>
    [DllImport("onnxstream_xnnpack", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    public static extern void* onnxstream_account_open(void* parent);

    /// <summary>Says that the caller does not use an account any more. Its numbers stay as long as blocks are charged to it.</summary>
    [DllImport("onnxstream_xnnpack", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    public static extern void onnxstream_account_release(void* account);

    /// <summary>Charges bytes to an account, and to those around it, that no block stands for.</summary>
    [DllImport("onnxstream_xnnpack", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    public static extern void onnxstream_account_count(void* account, long bytes);

    /// <summary>Lets this thread work for an account, or none (null). Returns the one of before.</summary>
    [DllImport("onnxstream_xnnpack", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    public static extern void* onnxstream_account_enter(void* account);

    /// <summary>Returns to the account of before.</summary>
    [DllImport("onnxstream_xnnpack", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    public static extern void onnxstream_account_leave(void* before);

    /// <summary>The queries that a tile of <see cref="onnxstream_attention_tile"/> has at most on this processor.</summary>
    [DllImport("onnxstream_xnnpack", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    public static extern nuint onnxstream_attention_rows();

    /// <summary>The numbers of single precision that a tile needs as scratch memory, at an address that is a multiple of 64.</summary>
    [DllImport("onnxstream_xnnpack", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    public static extern nuint onnxstream_attention_scratch(nuint depth, nuint value_depth);

    /// <summary>Computes attention for one tile of queries.</summary>
    [DllImport("onnxstream_xnnpack", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    public static extern void onnxstream_attention_tile(onnxstream_attention* attention);

    /// <summary>Whether this processor has a kernel for <see cref="onnxstream_few_rows_multiply"/>. XNNPACK must have been started.</summary>
    [DllImport("onnxstream_xnnpack", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    public static extern int onnxstream_few_rows_is_supported();

    /// <summary>The bytes of a row of data for <see cref="onnxstream_few_rows_multiply"/>.</summary>
    [DllImport("onnxstream_xnnpack", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    public static extern nuint onnxstream_few_rows_data_bytes(nuint inputs);

    /// <summary>Makes integers of a row of data. Returns 0 where integers cannot stand for its numbers; what was written is of no use then.</summary>
    [DllImport("onnxstream_xnnpack", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    public static extern int onnxstream_few_rows_prepare(nuint inputs, float* numbers, void* data);

    /// <summary>Multiplies a few rows of data with a matrix of 4-bit numbers.</summary>
    [DllImport("onnxstream_xnnpack", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    public static extern void onnxstream_few_rows_multiply(onnxstream_few_rows* product);

    /// <summary>Makes rows of a matrix columns. Strides are numbers of elements from one row to the next.</summary>
    [DllImport("onnxstream_xnnpack", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    public static extern void onnxstream_transpose(nuint rows, nuint columns, float* source, nuint source_stride, float* destination, nuint destination_stride);
}
