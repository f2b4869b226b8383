namespace OnnxStream.Interop.Kernels;

/// <summary>Takes each element from one of two tensors, as a third one says.</summary>
internal sealed unsafe class WhereKernel<T>(Shape output, Shape condition, Shape whenTrue, Shape whenFalse) : ElementwiseKernel(output, condition, whenTrue, whenFalse)
    where T : unmanaged
{
    /// <inheritdoc/>
    public override string Name => "where";

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => input > 0 || sizeof(T) == 1;

    /// <inheritdoc/>
    protected override void ComputeRun(KernelContext context, long run, long start, int length)
    {
        byte* condition = context.Input(0) + InputIndex(0, run, start);
        T* whenTrue = (T*)context.Input(1) + InputIndex(1, run, start);
        T* whenFalse = (T*)context.Input(2) + InputIndex(2, run, start);
        T* output = (T*)context.Output(0) + OutputIndex(run, start);
        (long conditionStride, long trueStride, long falseStride) = (InnerStride(0), InnerStride(1), InnerStride(2));
        for (int i = 0; i < length; i++)
        {
            output[i] = condition[i * conditionStride] != 0 ? whenTrue[i * trueStride] : whenFalse[i * falseStride];
        }
    }
}
