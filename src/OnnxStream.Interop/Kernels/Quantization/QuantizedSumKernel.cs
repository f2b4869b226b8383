using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Adds two tensors of 8-bit integers, each with a scale and a zero point, limits the sums and quantizes them, as behind the blocks of residual networks.</summary>
/// <remarks>Numbers are single precision in the cache only. Inputs of the step: a tensor, its scale and its zero point, another with both, then the scale and the zero point of the sums.</remarks>
/// <param name="count">The number of elements.</param>
/// <param name="types">The types of both tensors and of the sums: uint8 or int8.</param>
/// <param name="low">The least sum, before it is quantized.</param>
/// <param name="high">The greatest sum.</param>
internal sealed unsafe class QuantizedSumKernel(long count, (ElementType Left, ElementType Right, ElementType Sum) types, float low, float high) : RowKernel(count, 3, bytesPerOperation: 1)
{
    private const int Chunk = 1024;

    /// <inheritdoc/>
    public override string Name => "quantized sum";

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => input is 0 or 3;

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        float* left = stackalloc float[Chunk];
        float* right = stackalloc float[Chunk];
        for (long start = first; start < end; start += Chunk)
        {
            int length = (int)Math.Min(Chunk, end - start);
            Dequantize(context, 0, types.Left, start, left, length);
            Dequantize(context, 3, types.Right, start, right, length);
            Add(left, right, length);
            QuantizationLoops.Quantize(left, *(float*)context.Input(6), ZeroPoint(context, 7, types.Sum), context.Output(0) + start, length, types.Sum == ElementType.Int8);
        }
    }

    private static void Dequantize(KernelContext context, int index, ElementType type, long start, float* numbers, int length) =>
        QuantizationLoops.Dequantize(context.Input(index) + start, *(float*)context.Input(index + 1), ZeroPoint(context, index + 2, type), numbers, length, type == ElementType.Int8);

    private static float ZeroPoint(KernelContext context, int index, ElementType type) => type == ElementType.Int8 ? *(sbyte*)context.Input(index) : *context.Input(index);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Add(float* left, float* right, int length)
    {
        Vector<float> least = new(low);
        Vector<float> greatest = new(high);
        int i = 0;
        for (; i <= length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector.Min(Vector.Max(Vector.Load(left + i) + Vector.Load(right + i), least), greatest).Store(left + i);
        }

        for (; i < length; i++)
        {
            left[i] = MathF.Min(MathF.Max(left[i] + right[i], low), high);
        }
    }
}
