using System.Numerics;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Kernels.Managed;

/// <summary>An activation in single precision, or (with a gate) the product of the first half of each row and the activation of the second.</summary>
/// <param name="rows">The number of rows.</param>
/// <param name="columns">The number of outputs in a row.</param>
/// <param name="isGated">Whether the input has twice as many columns.</param>
/// <param name="types">How data and results are stored, if there is no gate.</param>
internal sealed unsafe class ActivationKernel<TFunction>(long rows, long columns, bool isGated, StorageTypes types = default) : Kernel, IParallelBody
    where TFunction : IActivationFunction
{
    private const long PieceElements = 16 << 10;

    // Elements that are single precision at a time where they are stored in half.
    private const int Block = 1024;

    // About how many times as long as an addition an exponential takes.
    private const long OperationsPerElement = 4;

    private readonly long _rowsPerPiece = Math.Max(1, PieceElements / Math.Max(1, columns));
    private KernelContext? _context;

    /// <inheritdoc/>
    public override string Name => typeof(TFunction).Name;

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => !isGated && types.ReadsHalf == types.WritesHalf;

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        _context = context;
        long pieces = isGated ? (rows + _rowsPerPiece - 1) / _rowsPerPiece : (rows * columns + PieceElements - 1) / PieceElements;
        context.Workers.Parallelize(this, checked((int)pieces), rows * columns * OperationsPerElement);
        _context = null;
    }

    /// <inheritdoc/>
    public void Execute(int index)
    {
        float* output = (float*)_context!.Output(0);
        float* input = (float*)_context.Input(0);
        if (!isGated)
        {
            // Elements do not depend on each other: rows do not matter.
            long start = index * PieceElements;
            if (types.ReadsHalf || types.WritesHalf)
            {
                ApplyStored(start, Math.Min(PieceElements, rows * columns - start));
                return;
            }

            Apply(input + start, null, output + start, Math.Min(PieceElements, rows * columns - start));
            return;
        }

        long first = index * _rowsPerPiece;
        long last = Math.Min(first + _rowsPerPiece, rows);
        for (long row = first; row < last; row++)
        {
            float* source = input + row * columns * 2;
            Apply(source + columns, source, output + row * columns, columns);
        }
    }

    private void ApplyStored(long first, long count)
    {
        float* block = stackalloc float[Block];
        for (long start = first; start < first + count; start += Block)
        {
            int length = (int)Math.Min(Block, first + count - start);
            byte* source = _context!.Input(0) + start * types.InputSize;
            byte* target = _context.Output(0) + start * types.OutputSize;
            if (types.ReadsHalf)
            {
                StorageTypes.Expand(source, block, length);
                source = (byte*)block;
            }

            float* results = types.WritesHalf ? block : (float*)target;
            Apply((float*)source, null, results, length);
            if (types.WritesHalf)
            {
                StorageTypes.Round(results, target, length);
            }
        }
    }

    /// <summary>Applies the function to elements, and multiplies with <paramref name="factor"/> unless it is null.</summary>
    /// <remarks>Compiled for speed before the first call: a plan may run only a few times.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Apply(float* input, float* factor, float* output, long length)
    {
        int width = Vector<float>.Count;
        long i = 0;

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
