namespace OnnxStream.Interop.Kernels;

/// <summary>Puts elements where int64 indices say, zeros elsewhere. Elements of any type.</summary>
internal sealed unsafe class MaxUnpoolKernel(int elementSize, long count, long outputCount) : Kernel
{
    /// <inheritdoc/>
    public override string Name => "max unpooling";

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        long* indices = (long*)context.Input(1);
        for (long i = 0; i < count; i++)
        {
            if (indices[i] < 0 || indices[i] >= outputCount)
            {
                throw new InvalidInputException($"{context.Call.OperatorType} '{context.Call.NodeName}': the index {indices[i]} is outside of an output of {outputCount} elements.");
            }
        }

        byte* input = context.Input(0);
        byte* output = context.Output(0);
        System.Runtime.InteropServices.NativeMemory.Clear(output, checked((nuint)(outputCount * elementSize)));
        switch (elementSize)
        {
            case 1:
                Scatter(input, output, indices);
                break;
            case 2:
                Scatter((short*)input, (short*)output, indices);
                break;
            case 4:
                Scatter((int*)input, (int*)output, indices);
                break;
            default:
                Scatter((long*)input, (long*)output, indices);
                break;
        }
    }

    private void Scatter<T>(T* input, T* output, long* indices)
        where T : unmanaged
    {
        for (long i = 0; i < count; i++)
        {
            output[indices[i]] = input[i];
        }
    }
}
