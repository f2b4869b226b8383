namespace OnnxStream.Interop.Kernels;

/// <summary>A function of two elements.</summary>
internal interface IBinaryFunction<T, TResult>
    where T : unmanaged
    where TResult : unmanaged
{
    /// <summary>The function.</summary>
    static abstract TResult Invoke(T left, T right);

    /// <summary>The function of many pairs of elements, where vector instructions have it; otherwise false.</summary>
    static virtual bool TryInvoke(ReadOnlySpan<T> left, ReadOnlySpan<T> right, Span<TResult> output) => false;

    /// <summary>The function of many elements and one, where vector instructions have it; otherwise false.</summary>
    static virtual bool TryInvoke(ReadOnlySpan<T> left, T right, Span<TResult> output) => false;
}

/// <summary>Element by element, two tensors of any type with broadcasting: one output.</summary>
internal sealed unsafe class BinaryKernel<T, TResult, TFunction>(Shape output, Shape left, Shape right) : ElementwiseKernel(output, left, right)
    where T : unmanaged
    where TResult : unmanaged
    where TFunction : IBinaryFunction<T, TResult>
{
    /// <inheritdoc/>
    public override string Name => KernelNames.Of<TFunction>();

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
            if (!TFunction.TryInvoke(new ReadOnlySpan<T>(left, length), new ReadOnlySpan<T>(right, length), new Span<TResult>(output, length)))
            {
                for (int i = 0; i < length; i++)
                {
                    output[i] = TFunction.Invoke(left[i], right[i]);
                }
            }
        }
        else if (leftStride != 1 || rightStride != 0 || !TFunction.TryInvoke(new ReadOnlySpan<T>(left, length), *right, new Span<TResult>(output, length)))
        {
            for (int i = 0; i < length; i++)
            {
                output[i] = TFunction.Invoke(left[i * leftStride], right[i * rightStride]);
            }
        }
    }
}
