using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Numbers at equal distances.</summary>
internal sealed unsafe class RangeKernel<T>(long count, T start, T delta) : RowKernel(count, sizeof(T))
    where T : unmanaged, INumber<T>
{
    /// <inheritdoc/>
    public override string Name => "range";

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        T* output = (T*)context.Output(0);
        for (long i = first; i < end; i++)
        {
            output[i] = start + T.CreateTruncating(i) * delta;
        }
    }
}
