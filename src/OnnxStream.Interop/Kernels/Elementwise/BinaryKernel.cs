using System.Numerics;

namespace OnnxStream.Interop.Kernels;

/// <summary>A function of two elements.</summary>
internal interface IBinaryFunction<T, TResult>
    where T : unmanaged
    where TResult : unmanaged
{
    /// <summary>The function.</summary>
    static abstract TResult Invoke(T left, T right);

    /// <summary>Whether there is a function of vectors.</summary>
    static virtual bool IsVectorized => false;

    /// <summary>The function of vectors; where results are truth values, a mask. All bits of a lane are set or none.</summary>
    static virtual Vector<T> Invoke(Vector<T> left, Vector<T> right) => throw new NotSupportedException();
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
    protected override long Operations(long elements) => Vector<T>.IsSupported && TFunction.IsVectorized ? elements * sizeof(T) / BytesPerOperation : long.MaxValue;

    /// <inheritdoc/>
    protected override void ComputeRun(KernelContext context, long run, long start, int length)
    {
        T* left = (T*)context.Input(0) + InputIndex(0, run, start);
        T* right = (T*)context.Input(1) + InputIndex(1, run, start);
        TResult* output = (TResult*)context.Output(0) + OutputIndex(run, start);
        BinaryLoops.Run<T, TResult, TFunction>(left, InnerStride(0), right, InnerStride(1), output, length);
    }
}
