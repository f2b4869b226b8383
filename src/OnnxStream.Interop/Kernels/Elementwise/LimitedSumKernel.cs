using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Adds two single-precision tensors of one shape and limits the sums, as behind the blocks of residual networks.</summary>
/// <param name="count">The number of elements.</param>
/// <param name="low">The least result.</param>
/// <param name="high">The greatest result.</param>
internal sealed unsafe class LimitedSumKernel(long count, float low, float high) : RowKernel(count, 3 * sizeof(float))
{
    /// <inheritdoc/>
    public override string Name => "limited sum";

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        float* left = (float*)context.Input(0);
        float* right = (float*)context.Input(1);
        float* sums = (float*)context.Output(0);
        Vector<float> least = new(low);
        Vector<float> greatest = new(high);
        long i = first;
        for (; i <= end - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector.Min(Vector.Max(Vector.Load(left + i) + Vector.Load(right + i), least), greatest).Store(sums + i);
        }

        for (; i < end; i++)
        {
            sums[i] = MathF.Min(MathF.Max(left[i] + right[i], low), high);
        }
    }
}
