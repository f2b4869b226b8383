using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Panels;

/// <summary>Single precision that is stored in half precision: half the bytes, three digits, expanded before use.</summary>
/// <remarks>Weights beyond ±65504 become infinite.</remarks>
internal sealed unsafe class Float16Format : Float32Format
{
    // Halves take the place of the numbers that they are made of, which must have been read.
    private const int RoundedAtOnce = 1024;

    /// <inheritdoc/>
    public override string Identity => "f16";

    /// <inheritdoc/>
    public override ElementType StoredType => ElementType.Float16;

    /// <inheritdoc/>
    public override bool IsUsedInPlace => false;

    /// <inheritdoc/>
    public override long StoredBytes(long packedBytes) => packedBytes / 2;

    /// <inheritdoc/>
    public override Span<byte> Encode(Span<byte> packed)
    {
        Span<float> wide = MemoryMarshal.Cast<byte, float>(packed);
        Span<Half> half = MemoryMarshal.Cast<byte, Half>(packed)[..wide.Length];
        Span<Half> rounded = stackalloc Half[RoundedAtOnce];
        for (int i = 0; i < wide.Length; i += RoundedAtOnce)
        {
            Span<float> part = wide[i..Math.Min(i + RoundedAtOnce, wide.Length)];
            TensorPrimitives.ConvertToHalf(part, rounded);
            rounded[..part.Length].CopyTo(half[i..]);
        }

        return MemoryMarshal.AsBytes(half);
    }

    /// <inheritdoc/>
    public override void Expand(byte* stored, byte* packed, long packedBytes)
    {
        int elements = checked((int)(packedBytes / sizeof(float)));
        TensorPrimitives.ConvertToSingle(new ReadOnlySpan<Half>(stored, elements), new Span<float>(packed, elements));
    }
}
