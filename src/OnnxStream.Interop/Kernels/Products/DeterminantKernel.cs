using System.Numerics;

namespace OnnxStream.Interop.Kernels;

/// <summary>Determinants of square matrices, by elimination with pivots in double precision.</summary>
internal sealed unsafe class DeterminantKernel<T>(long count, int size) : Kernel
    where T : unmanaged, INumber<T>
{
    /// <inheritdoc/>
    public override string Name => "determinant";

    /// <inheritdoc/>
    public override long ScratchBytes => (long)size * size * sizeof(double);

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        double* matrix = (double*)context.Scratch;
        for (long i = 0; i < count; i++)
        {
            T* input = (T*)context.Input(0) + i * size * size;
            for (long k = 0; k < (long)size * size; k++)
            {
                matrix[k] = double.CreateTruncating(input[k]);
            }

            ((T*)context.Output(0))[i] = T.CreateTruncating(Determinant(matrix));
        }
    }

    private double Determinant(double* matrix)
    {
        double result = 1;
        for (int column = 0; column < size; column++)
        {
            int pivot = column;
            for (int row = column + 1; row < size; row++)
            {
                pivot = Math.Abs(matrix[(long)row * size + column]) > Math.Abs(matrix[(long)pivot * size + column]) ? row : pivot;
            }

            double* top = matrix + (long)column * size;
            double* swapped = matrix + (long)pivot * size;
            for (int i = column; i < size && pivot != column; i++)
            {
                (top[i], swapped[i]) = (swapped[i], top[i]);
            }

            result *= pivot == column ? top[column] : -top[column];
            if (top[column] == 0)
            {
                return 0;
            }

            for (int row = column + 1; row < size; row++)
            {
                double* target = matrix + (long)row * size;
                double factor = target[column] / top[column];
                for (int i = column + 1; i < size; i++)
                {
                    target[i] -= factor * top[i];
                }
            }
        }

        return result;
    }
}
