using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Panels;

/// <summary>Single precision that is stored as brain floats: half the bytes, the whole range of single precision, two digits, expanded before use.</summary>
/// <remarks>A brain float is the upper half of a single-precision number, so that expanding one is a shift.</remarks>
internal sealed unsafe class BFloat16Format : Float32Format
{
    private const int ShiftBits = 16;

    /// <inheritdoc/>
    public override string Identity => "bf16";

    /// <inheritdoc/>
    public override ElementType StoredType => ElementType.BFloat16;

    /// <inheritdoc/>
    public override bool IsUsedInPlace => false;

    /// <inheritdoc/>
    public override long StoredBytes(long packedBytes) => packedBytes / 2;

    /// <inheritdoc/>
    public override Span<byte> Encode(Span<byte> packed)
    {
        Span<uint> wide = MemoryMarshal.Cast<byte, uint>(packed);
        Span<ushort> narrow = MemoryMarshal.Cast<byte, ushort>(packed)[..wide.Length];
        for (int i = 0; i < wide.Length; i++)
        {
            // Each number is read before its place is taken: the narrow ones lie before it.
            narrow[i] = Round(wide[i]);
        }

        return MemoryMarshal.AsBytes(narrow);
    }

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

    // To the nearest, ties to even. NaN stays NaN: rounding its bits could make an infinity of it.
    private static ushort Round(uint bits) => float.IsNaN(BitConverter.UInt32BitsToSingle(bits))
        ? (ushort)((bits >> ShiftBits) | 0x40)
        : (ushort)((bits + 0x7fff + ((bits >> ShiftBits) & 1)) >> ShiftBits);
}
