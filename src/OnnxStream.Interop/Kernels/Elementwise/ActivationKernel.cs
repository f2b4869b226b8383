using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>An activation in single precision, or (with a gate) the product of the first half of each row and the activation of the second.</summary>
/// <param name="rows">The number of rows.</param>
/// <param name="columns">The number of outputs in a row.</param>
/// <param name="isGated">Whether the input has twice as many columns.</param>
/// <param name="types">How data and results are stored, if there is no gate.</param>
internal sealed unsafe class ActivationKernel<TFunction>(long rows, long columns, bool isGated, StorageTypes types = default) : Kernel, IParallelBody
    where TFunction : IActivationFunction
{
    private const long PieceElements = 16 << 10;

    // Elements that are single precision at a time where they are stored otherwise: a multiple of those that are stored together.
    private const int Block = 1024;

    // About how many times as long as an addition an exponential takes.
    private const long OperationsPerElement = 4;

    private readonly long _rowsPerPiece = Math.Max(1, PieceElements / Math.Max(1, columns));
    private KernelContext? _context;

    /// <inheritdoc/>
    public override string Name => KernelNames.Of<TFunction>();

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => !isGated && types.StripeStride == 0 && types.Data == types.Results;

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        _context = context;
        long pieces = HasRows ? (rows + _rowsPerPiece - 1) / _rowsPerPiece : (rows * columns + PieceElements - 1) / PieceElements;
        context.Workers.Parallelize(this, checked((int)pieces), rows * columns * OperationsPerElement);
        _context = null;
    }

    /// <inheritdoc/>
    public void Execute(int index)
    {
        if (!HasRows)
        {
            // Elements do not depend on each other.
            long start = index * PieceElements;
            ApplyStored(_context!.Input(0) + types.Data.Bytes(start), _context.Output(0) + types.Results.Bytes(start), Math.Min(PieceElements, rows * columns - start));
            return;
        }

        long first = index * _rowsPerPiece;
        long last = Math.Min(first + _rowsPerPiece, rows);
        for (long row = first; row < last; row++)
        {
            if (isGated)
            {
                float* source = (float*)_context!.Input(0) + row * columns * 2;
                Apply(source + columns, source, (float*)_context.Output(0) + row * columns, columns);
            }
            else
            {
                ApplyStored(_context!.Input(0) + row * types.Data.Bytes(columns), _context.Output(0) + row * types.ResultRowBytes(columns), columns);
            }
        }
    }

    // Whether rows matter.
    private bool HasRows => isGated || types.StripeStride != 0 || types.Data.Together > 1 || types.Results.Together > 1;

    private void ApplyStored(byte* input, byte* output, long count)
    {
        (RowFormat data, RowFormat stored) = (types.Data, types.Results);
        if (data.IsSingle && stored.IsSingle)
        {
            Apply((float*)input, null, (float*)output, count);
            return;
        }

        float* block = stackalloc float[Block];
        for (long start = 0; start < count; start += Block)
        {
            int length = (int)Math.Min(Block, count - start);
            byte* source = input + data.Bytes(start);
            byte* target = output + stored.Bytes(start);
            if (!data.IsSingle)
            {
                data.Expand(source, block, length);
                source = (byte*)block;
            }

            float* results = stored.IsSingle ? (float*)target : block;
            Apply((float*)source, null, results, length);
            if (!stored.IsSingle)
            {
                stored.Round(results, target, length);
            }
        }
    }

    // Returns how many elements are done: whole vectors of 512 bits.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static long ApplyWide(float* input, float* factor, float* output, long length)
    {
        long i = 0;
        for (; i + Vector512<float>.Count <= length; i += Vector512<float>.Count)
        {
            Vector512<float> y = TFunction.Invoke(Vector512.Load(input + i));
            (factor is null ? y : y * Vector512.Load(factor + i)).Store(output + i);
        }

        return i;
    }

    /// <summary>Applies the function to elements, and multiplies with <paramref name="factor"/> unless it is null.</summary>
    /// <remarks>Compiled for speed before the first call: a plan may run only a few times.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Apply(float* input, float* factor, float* output, long length)
    {
        int width = Vector<float>.Count;
        long i = Vector512.IsHardwareAccelerated ? ApplyWide(input, factor, output, length) : 0;

        // Two vectors at a time: one computes while the other waits for its exponential.
        for (; i + 2 * width <= length; i += 2 * width)
        {
            Vector<float> y0 = TFunction.Invoke(Vector.Load(input + i));
            Vector<float> y1 = TFunction.Invoke(Vector.Load(input + i + width));
            (factor is null ? y0 : y0 * Vector.Load(factor + i)).Store(output + i);
            (factor is null ? y1 : y1 * Vector.Load(factor + i + width)).Store(output + i + width);
        }

        for (; i + width <= length; i += width)
        {
            Vector<float> y = TFunction.Invoke(Vector.Load(input + i));
            (factor is null ? y : y * Vector.Load(factor + i)).Store(output + i);
        }

        if (i < length)
        {
            Span<float> tail = stackalloc float[Vector<float>.Count];
            tail.Clear();
            new ReadOnlySpan<float>(input + i, (int)(length - i)).CopyTo(tail);
            Vector<float> y = TFunction.Invoke(new Vector<float>(tail));
            for (int k = 0; i < length; i++, k++)
            {
                output[i] = factor is null ? y[k] : y[k] * factor[i];
            }
        }
    }
}
