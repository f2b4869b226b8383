namespace OnnxStream.Interop.Kernels.Managed;

/// <summary>A function of two elements.</summary>
internal interface IBinaryFunction<T, TResult>
    where T : unmanaged
    where TResult : unmanaged
{
    /// <summary>The function.</summary>
    static abstract TResult Invoke(T left, T right);
}

/// <summary>Element by element, two tensors of any type with broadcasting: one output.</summary>
internal sealed unsafe class BinaryKernel<T, TResult, TFunction>(Shape output, Shape left, Shape right) : ElementwiseKernel(output, left, right)
    where T : unmanaged
    where TResult : unmanaged
    where TFunction : IBinaryFunction<T, TResult>
{
    /// <inheritdoc/>
    public override string Name => typeof(TFunction).Name;

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => sizeof(T) == sizeof(TResult);

    /// <inheritdoc/>
    protected override void ComputeRun(KernelContext context, long run, long start, int length)
    {
        T* left = (T*)context.Input(0) + InputIndex(0, run, start);
        T* right = (T*)context.Input(1) + InputIndex(1, run, start);
        TResult* output = (TResult*)context.Output(0) + OutputIndex(run, start);
        long leftStride = InnerStride(0);
        long rightStride = InnerStride(1);
        if (leftStride == 1 && rightStride == 1)
        {
            for (int i = 0; i < length; i++)
            {
                output[i] = TFunction.Invoke(left[i], right[i]);
            }
        }
        else
        {
            for (int i = 0; i < length; i++)
            {
                output[i] = TFunction.Invoke(left[i * leftStride], right[i * rightStride]);
            }
        }
    }
}
