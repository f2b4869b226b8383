using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Panels;

/// <summary>Single precision that is stored as brain floats: half the bytes, the whole range of single precision, two digits, expanded before use.</summary>
/// <remarks>A brain float is the upper half of a single-precision number, so that expanding one is a shift.</remarks>
internal sealed unsafe class BFloat16Format : TwoByteFormat
{
    private const int ShiftBits = 16;

    /// <inheritdoc/>
    public override string Identity => "bf16";

    /// <inheritdoc/>
    public override ElementType StoredType => ElementType.BFloat16;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Expand(byte* stored, byte* packed, long packedBytes)
    {
        ushort* source = (ushort*)stored;
        uint* destination = (uint*)packed;
        long count = packedBytes / sizeof(uint);
        long i = 0;
        for (; i <= count - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(Vector.Load(source + i), out Vector<uint> low, out Vector<uint> high);
            (low << ShiftBits).Store(destination + i);
            (high << ShiftBits).Store(destination + i + Vector<uint>.Count);
        }

        for (; i < count; i++)
        {
            destination[i] = (uint)source[i] << ShiftBits;
        }
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Round(ReadOnlySpan<float> numbers, Span<ushort> stored)
    {
        ReadOnlySpan<uint> bits = MemoryMarshal.Cast<float, uint>(numbers);
        for (int i = 0; i < bits.Length; i++)
        {
            stored[i] = Round(bits[i]);
        }
    }

    // To the nearest, ties to even. NaN stays NaN: rounding its bits could make an infinity of it.
    private static ushort Round(uint bits) => float.IsNaN(BitConverter.UInt32BitsToSingle(bits))
        ? (ushort)((bits >> ShiftBits) | 0x40)
        : (ushort)((bits + 0x7fff + ((bits >> ShiftBits) & 1)) >> ShiftBits);
}
