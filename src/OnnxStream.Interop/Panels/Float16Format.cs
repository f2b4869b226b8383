using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Panels;

/// <summary>Single precision that is stored in half precision: half the bytes, three digits, expanded before use.</summary>
/// <remarks>Weights beyond ±65504 become infinite.</remarks>
internal sealed unsafe class Float16Format : TwoByteFormat
{
    /// <inheritdoc/>
    public override string Identity => "f16";

    /// <inheritdoc/>
    public override ElementType StoredType => ElementType.Float16;

    /// <inheritdoc/>
    public override void Expand(byte* stored, byte* packed, long packedBytes)
    {
        int elements = checked((int)(packedBytes / sizeof(float)));
        TensorPrimitives.ConvertToSingle(new ReadOnlySpan<Half>(stored, elements), new Span<float>(packed, elements));
    }

    /// <inheritdoc/>
    protected override void Round(ReadOnlySpan<float> numbers, Span<ushort> stored) => TensorPrimitives.ConvertToHalf(numbers, MemoryMarshal.Cast<ushort, Half>(stored));
}
