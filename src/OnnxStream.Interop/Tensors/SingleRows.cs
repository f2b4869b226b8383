using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Tensors;

/// <summary>Rows of single precision. Kernels use them where they lie.</summary>
internal sealed unsafe class SingleRows : RowFormat
{
    private SingleRows()
    {
    }

    /// <summary>The format.</summary>
    public static SingleRows Instance { get; } = new();

    /// <inheritdoc/>
    public override ElementType ElementType => ElementType.Float32;

    /// <inheritdoc/>
    public override bool IsSingle => true;

    /// <inheritdoc/>
    public override long Bytes(long elements) => elements * sizeof(float);

    /// <inheritdoc/>
    public override void Expand(byte* source, float* destination, int count) => Buffer.MemoryCopy(source, destination, count * (long)sizeof(float), count * (long)sizeof(float));

    /// <inheritdoc/>
    public override void Round(float* source, byte* destination, int count) => Buffer.MemoryCopy(source, destination, count * (long)sizeof(float), count * (long)sizeof(float));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override int Magnitude(byte* row, int count)
    {
        int* numbers = (int*)row;
        Vector<int> magnitude = new(int.MaxValue);
        Vector<int> most0 = default, most1 = default, most2 = default, most3 = default;
        int i = 0;
        for (; i <= count - 4 * Vector<int>.Count; i += 4 * Vector<int>.Count)
        {
            most0 = Vector.Max(most0, Vector.Load(numbers + i) & magnitude);
            most1 = Vector.Max(most1, Vector.Load(numbers + i + Vector<int>.Count) & magnitude);
            most2 = Vector.Max(most2, Vector.Load(numbers + i + 2 * Vector<int>.Count) & magnitude);
            most3 = Vector.Max(most3, Vector.Load(numbers + i + 3 * Vector<int>.Count) & magnitude);
        }

        for (; i <= count - Vector<int>.Count; i += Vector<int>.Count)
        {
            most0 = Vector.Max(most0, Vector.Load(numbers + i) & magnitude);
        }

        int largest = VectorElements.Largest(Vector.Max(Vector.Max(most0, most1), Vector.Max(most2, most3)));
        for (; i < count; i++)
        {
            largest = Math.Max(largest, numbers[i] & int.MaxValue);
        }

        return largest;
    }
}
