using System.Numerics;
using System.Runtime.CompilerServices;

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
    protected override long Operations(long elements) => elements * sizeof(T) / BytesPerOperation;

    /// <inheritdoc/>
    protected override void ComputeRun(KernelContext context, long run, long start, int length)
    {
        byte* condition = context.Input(0) + InputIndex(0, run, start);
        T* whenTrue = (T*)context.Input(1) + InputIndex(1, run, start);
        T* whenFalse = (T*)context.Input(2) + InputIndex(2, run, start);
        T* output = (T*)context.Output(0) + OutputIndex(run, start);
        (long conditionStride, long trueStride, long falseStride) = (InnerStride(0), InnerStride(1), InnerStride(2));
        if (conditionStride == 0)
        {
            // One side for all of the run.
            T* side = *condition != 0 ? whenTrue : whenFalse;
            long stride = *condition != 0 ? trueStride : falseStride;
            if (stride == 1)
            {
                new ReadOnlySpan<T>(side, length).CopyTo(new Span<T>(output, length));
            }
            else
            {
                for (int i = 0; i < length; i++)
                {
                    output[i] = side[i * stride];
                }
            }

            return;
        }

        int done = conditionStride == 1 && trueStride is 0 or 1 && falseStride is 0 or 1 ? Choose(condition, whenTrue, trueStride, whenFalse, falseStride, output, length) : 0;
        for (int i = done; i < length; i++)
        {
            output[i] = condition[i * conditionStride] != 0 ? whenTrue[i * trueStride] : whenFalse[i * falseStride];
        }
    }

    // As many elements at a time as a vector has bytes; returns where they end.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Choose(byte* condition, T* whenTrue, long trueStride, T* whenFalse, long falseStride, T* output, int length)
    {
        int width = Vector<T>.Count;
        int i = 0;
        if (length < Vector<byte>.Count)
        {
            return 0;
        }

        Vector<T> firstTrue = new(*whenTrue);
        Vector<T> firstFalse = new(*whenFalse);
        for (; i <= length - Vector<byte>.Count; i += Vector<byte>.Count)
        {
            // Set where the condition is false; bytes become as wide as the elements.
            Vector<sbyte> mask = Vector.AsVectorSByte(Vector.Equals(Vector.Load(condition + i), Vector<byte>.Zero));
            for (int k = 0; k < sizeof(T); k++)
            {
                Vector<T> wide = Part(mask, k);
                Vector<T> chosen = Vector.ConditionalSelect(
                    wide,
                    falseStride == 0 ? firstFalse : Vector.Load(whenFalse + i + k * width),
                    trueStride == 0 ? firstTrue : Vector.Load(whenTrue + i + k * width));
                chosen.Store(output + i + k * width);
            }
        }

        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<T> Part(Vector<sbyte> mask, int part)
    {
        if (sizeof(T) == 1)
        {
            return Vector.As<sbyte, T>(mask);
        }

        Vector<short> half = part < sizeof(T) / 2 ? Vector.WidenLower(mask) : Vector.WidenUpper(mask);
        if (sizeof(T) == 2)
        {
            return Vector.As<short, T>(half);
        }

        part %= sizeof(T) / 2;
        Vector<int> quarter = part < sizeof(T) / 4 ? Vector.WidenLower(half) : Vector.WidenUpper(half);
        if (sizeof(T) == 4)
        {
            return Vector.As<int, T>(quarter);
        }

        return Vector.As<long, T>(part % 2 == 0 ? Vector.WidenLower(quarter) : Vector.WidenUpper(quarter));
    }
}
