namespace OnnxStream.Interop.Kernels;

/// <summary>A function of a run of elements, with the parameters that its fields hold.</summary>
internal interface IUnaryFunction<T, TResult>
    where T : unmanaged
    where TResult : unmanaged
{
    /// <summary>Whether it takes no longer than copying the elements.</summary>
    static virtual bool IsQuick => false;

    /// <summary>Computes <paramref name="output"/> from <paramref name="input"/>, which have the same length and may be the same memory.</summary>
    void Invoke(ReadOnlySpan<T> input, Span<TResult> output);
}

/// <summary>Element by element, one tensor of any type: one output of the same shape.</summary>
internal sealed unsafe class UnaryKernel<T, TResult, TFunction>(Shape shape, TFunction function) : ElementwiseKernel(shape, shape)
    where T : unmanaged
    where TResult : unmanaged
    where TFunction : struct, IUnaryFunction<T, TResult>
{
    /// <inheritdoc/>
    public override string Name => KernelNames.Of<TFunction>();

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => sizeof(T) == sizeof(TResult);

    /// <inheritdoc/>
    protected override long Operations(long elements) => TFunction.IsQuick ? elements * sizeof(T) / BytesPerOperation : long.MaxValue;

    /// <inheritdoc/>
    protected override void ComputeRun(KernelContext context, long run, long start, int length)
    {
        long index = OutputIndex(run, start);
        function.Invoke(new ReadOnlySpan<T>((T*)context.Input(0) + index, length), new Span<TResult>((TResult*)context.Output(0) + index, length));
    }
}
