using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>The places of the elements that are not zero, one column for each. How many there are is found out in the run.</summary>
internal sealed unsafe class NonZeroKernel<T>(Shape input) : Kernel
    where T : unmanaged, INumber<T>
{
    private readonly Shape _input = input.Rank == 0 ? new Shape(1) : input;

    /// <inheritdoc/>
    public override string Name => "non-zero";

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Run(KernelContext context)
    {
        T* elements = (T*)context.Input(0);
        long* output = (long*)context.Output(0);
        long count = 0;
        for (long i = 0; i < _input.ElementCount; i++)
        {
            count += T.IsZero(elements[i]) ? 0 : 1;
        }

        long column = 0;
        for (long i = 0; i < _input.ElementCount && column < count; i++)
        {
            if (T.IsZero(elements[i]))
            {
                continue;
            }

            long rest = i;
            for (int k = _input.Rank - 1; k >= 0; k--)
            {
                (rest, output[k * count + column]) = Math.DivRem(rest, _input[k]);
            }

            column++;
        }

        context.SetOutputShape(0, new Shape(_input.Rank, count));
    }
}
