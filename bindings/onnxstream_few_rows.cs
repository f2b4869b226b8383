#pragma warning disable CS1591, IDE1006 // As native/few-rows.h has it.
namespace OnnxStream.Interop.Bindings;

/// <summary>A product of a few rows of data with a matrix of 4-bit numbers, as <c>native/few-rows.h</c> describes it.</summary>
public unsafe struct onnxstream_few_rows
{
    public nuint rows;
    public nuint inputs;
    public nuint outputs;
    public nuint block;
    public byte* matrix;
    public nuint matrix_stride;
    public int flip;
    public float* scales;
    public float* zero_points;
    public nuint zero_point_step;
    public void* data;
    public nuint data_stride;
    public float* results;
    public nuint result_stride;
}
