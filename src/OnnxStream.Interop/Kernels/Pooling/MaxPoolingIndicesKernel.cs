using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>The largest element of each window, or the first NaN, and where in the input it lies: [N, C, …] to the same with the output's spatial dimensions.</summary>
/// <param name="geometry">The windows.</param>
/// <param name="isColumnMajor">Whether positions in a plane are counted with the first spatial dimension innermost.</param>
internal sealed unsafe class MaxPoolingIndicesKernel<T>(PoolingGeometry geometry, bool isColumnMajor)
    : RowKernel(geometry.OutputRows, geometry.Output[2] * geometry.WindowElements * sizeof(T))
    where T : unmanaged, INumber<T>, IMinMaxValue<T>
{
    /// <inheritdoc/>
    public override string Name => "max pooling with indices";

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        (long depth, long height, long width) = (geometry.Input[0], geometry.Input[1], geometry.Input[2]);
        for (long row = first; row < end; row++)
        {
            (long rest, long y) = Math.DivRem(row, geometry.Output[1]);
            (long plane, long z) = Math.DivRem(rest, geometry.Output[0]);
            T* input = (T*)context.Input(0) + plane * geometry.InputPlane;
            for (long x = 0; x < geometry.Output[2]; x++)
            {
                (T value, long found) = Find(input, z, y, x);
                if (isColumnMajor && found >= 0)
                {
                    (long line, long column) = Math.DivRem(found, width);
                    (long layer, line) = Math.DivRem(line, height);
                    found = layer + depth * (line + height * column);
                }

                long index = row * geometry.Output[2] + x;
                ((T*)context.Output(0))[index] = value;
                ((long*)context.Output(1))[index] = plane * geometry.InputPlane + found;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private (T Value, long Position) Find(T* input, long z, long y, long x)
    {
        T largest = MaximumReduction<T>.Initial;
        long found = -1;
        (long firstX, long endX) = geometry.Inside(2, x);
        (long firstY, long endY) = geometry.Inside(1, y);
        (long firstZ, long endZ) = geometry.Inside(0, z);
        for (long kz = firstZ; kz < endZ; kz++)
        {
            for (long ky = firstY; ky < endY; ky++)
            {
                long line = (geometry.Position(0, z, kz) * geometry.Input[1] + geometry.Position(1, y, ky)) * geometry.Input[2];
                for (long kx = firstX; kx < endX; kx++)
                {
                    long position = line + geometry.Position(2, x, kx);
                    if (found < 0 || input[position] > largest || (T.IsNaN(input[position]) && !T.IsNaN(largest)))
                    {
                        largest = input[position];
                        found = position;
                    }
                }
            }
        }

        return (largest, found);
    }
}
