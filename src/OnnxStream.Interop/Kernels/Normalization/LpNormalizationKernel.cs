using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Divides by the 1-norm or 2-norm along a dimension; zeros stay zeros. The norm is found in double precision.</summary>
/// <param name="outer">The number of elements in front of the dimension.</param>
/// <param name="length">The length of the dimension.</param>
/// <param name="inner">The number of elements behind it.</param>
/// <param name="p">1 or 2.</param>
internal sealed unsafe class LpNormalizationKernel<T>(long outer, long length, long inner, long p) : RowKernel(outer * inner, length * sizeof(T))
    where T : unmanaged, INumber<T>
{
    /// <inheritdoc/>
    public override string Name => "lp normalization";

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        for (long row = first; row < end; row++)
        {
            long start = row / inner * length * inner + row % inner;
            T* input = (T*)context.Input(0) + start;
            T* output = (T*)context.Output(0) + start;
            if (inner == 1 && typeof(T) == typeof(float))
            {
                double sum = WideSums.SumOfPowers((float*)input, length, p == 2);
                double whole = p == 1 ? sum : Math.Sqrt(sum);

                // The least number above zero has an inverse in double precision.
                WideSums.Scale((float*)input, (float*)output, length, whole == 0 ? 1 : 1 / whole);
                continue;
            }

            double norm = 0;
            for (long i = 0; i < length; i++)
            {
                double value = double.CreateTruncating(input[i * inner]);
                norm += p == 1 ? Math.Abs(value) : value * value;
            }

            norm = p == 1 ? norm : Math.Sqrt(norm);
            for (long i = 0; i < length; i++)
            {
                output[i * inner] = norm == 0 ? input[i * inner] : T.CreateTruncating(double.CreateTruncating(input[i * inner]) / norm);
            }
        }
    }
}
