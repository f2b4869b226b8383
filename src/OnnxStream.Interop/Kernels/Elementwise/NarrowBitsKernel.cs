using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Gives elements of less than 8 bits, which have a byte each, the sign of another type: the bits stay, and the rest of the byte follows.</summary>
/// <param name="count">The number of elements.</param>
/// <param name="bits">The bits of an element.</param>
/// <param name="isSigned">Whether the highest of them is a sign in the output.</param>
internal sealed unsafe class NarrowBitsKernel(long count, int bits, bool isSigned) : RowKernel(count, 2)
{
    /// <inheritdoc/>
    public override string Name => "narrow bits";

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        byte* input = context.Input(0);
        byte* output = context.Output(0);
        int rest = 8 - bits;
        for (long i = first; i < end; i++)
        {
            byte high = (byte)(input[i] << rest);
            output[i] = isSigned ? (byte)((sbyte)high >> rest) : (byte)(high >> rest);
        }
    }
}
