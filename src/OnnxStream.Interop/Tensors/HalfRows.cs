using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Tensors;

/// <summary>Rows of half precision. What is out of its range becomes infinite.</summary>
internal sealed unsafe class HalfRows : RowFormat
{
    private HalfRows()
    {
    }

    /// <summary>The format.</summary>
    public static HalfRows Instance { get; } = new();

    /// <inheritdoc/>
    public override ElementType ElementType => ElementType.Float16;

    /// <inheritdoc/>
    public override string Mark => ":f16";

    /// <inheritdoc/>
    public override long Bytes(long elements) => elements * sizeof(Half);

    /// <inheritdoc/>
    public override void Expand(byte* source, float* destination, int count) => HalfConversion.ToSingle((Half*)source, destination, count);

    /// <inheritdoc/>
    public override void Round(float* source, byte* destination, int count) => HalfConversion.FromSingle(source, (Half*)destination, count);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override int Magnitude(byte* row, int count)
    {
        ushort* numbers = (ushort*)row;
        Vector<ushort> magnitude = new((ushort)short.MaxValue);
        Vector<ushort> most = default;
        int i = 0;
        for (; i <= count - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            most = Vector.Max(most, Vector.Load(numbers + i) & magnitude);
        }

        Vector.Widen(most, out Vector<uint> low, out Vector<uint> high);
        int largest = VectorElements.Largest(Vector.Max(low, high).As<uint, int>());
        for (; i < count; i++)
        {
            largest = Math.Max(largest, numbers[i] & short.MaxValue);
        }

        return BitConverter.SingleToInt32Bits((float)BitConverter.UInt16BitsToHalf((ushort)largest));
    }
}
