using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Inverses of square matrices, by elimination with pivots in double precision.</summary>
internal sealed unsafe class InverseKernel<T>(long count, int size) : Kernel
    where T : unmanaged, INumber<T>
{
    /// <inheritdoc/>
    public override string Name => "inverse";

    /// <inheritdoc/>
    public override long ScratchBytes => 2L * size * size * sizeof(double);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Run(KernelContext context)
    {
        // Each row of the matrix is followed by a row of the unit matrix, which becomes the inverse.
        double* rows = (double*)context.Scratch;
        for (long i = 0; i < count; i++)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            T* input = (T*)context.Input(0) + i * size * size;
            T* output = (T*)context.Output(0) + i * size * size;
            for (long row = 0; row < size; row++)
            {
                for (int column = 0; column < size; column++)
                {
                    rows[2 * row * size + column] = double.CreateTruncating(input[row * size + column]);
                    rows[(2 * row + 1) * size + column] = row == column ? 1 : 0;
                }
            }

            Eliminate(rows);
            for (long row = 0; row < size; row++)
            {
                for (int column = 0; column < size; column++)
                {
                    output[row * size + column] = T.CreateTruncating(rows[(2 * row + 1) * size + column]);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Eliminate(double* rows)
    {
        long stride = 2L * size;
        for (int column = 0; column < size; column++)
        {
            int pivot = column;
            for (int row = column + 1; row < size; row++)
            {
                pivot = Math.Abs(rows[row * stride + column]) > Math.Abs(rows[pivot * stride + column]) ? row : pivot;
            }

            double* top = rows + column * stride;
            double* swapped = rows + pivot * stride;
            for (int i = 0; i < stride && pivot != column; i++)
            {
                (top[i], swapped[i]) = (swapped[i], top[i]);
            }

            double factor = 1 / top[column];
            for (int i = 0; i < stride; i++)
            {
                top[i] *= factor;
            }

            for (int row = 0; row < size; row++)
            {
                double* target = rows + row * stride;
                double taken = target[column];
                for (int i = 0; i < stride && row != column; i++)
                {
                    target[i] -= taken * top[i];
                }
            }
        }
    }
}
