#pragma warning disable CS1591, IDE1006 // As native/attention.h has it.
namespace OnnxStream.Interop.Bindings;

/// <summary>One tile of queries, as <c>native/attention.h</c> describes it.</summary>
public unsafe struct onnxstream_attention
{
    public nuint rows;
    public nuint keys;
    public nuint depth;
    public nuint value_depth;
    public float scale;
    public int empty_rows_are_zero;
    public float* queries;
    public nuint query_stride;
    public float* keys_packed;
    public float* values_packed;
    public float* mask;
    public nuint mask_stride;
    public float* scratch;
    public float* output;
    public nuint output_stride;
}
