using System.Numerics;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>Row by row, two tensors of one shape, each stored in a format of its own, to a third: some elements of a row at a time are single precision, in the cache.</summary>
/// <param name="rows">The number of rows.</param>
/// <param name="columns">The elements of a row.</param>
/// <param name="left">How the first tensor is stored.</param>
/// <param name="right">How the second is stored.</param>
/// <param name="output">How the result is stored.</param>
internal sealed unsafe class StoredBinaryKernel<TFunction>(long rows, int columns, RowFormat left, RowFormat right, RowFormat output) : Kernel, IParallelBody
    where TFunction : IBinaryFunction<float, float>
{
    private const long PieceElements = 16 << 10;

    // A multiple of the elements that any format stores together.
    private const int Block = 1024;

    private readonly long _rowsPerPiece = Math.Max(1, PieceElements / Math.Max(1, columns));
    private KernelContext? _context;

    /// <inheritdoc/>
    public override string Name => $"stored {KernelNames.Of<TFunction>()}";

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => (input == 0 ? left : right) == output;

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        _context = context;
        context.Workers.Parallelize(this, checked((int)((rows + _rowsPerPiece - 1) / _rowsPerPiece)), rows * columns);
        _context = null;
    }

    /// <inheritdoc/>
    public void Execute(int index)
    {
        long first = index * _rowsPerPiece;
        long last = Math.Min(first + _rowsPerPiece, rows);
        float* numbers = stackalloc float[2 * Block];
        for (long row = first; row < last; row++)
        {
            byte* a = _context!.Input(0) + row * left.Bytes(columns);
            byte* b = _context.Input(1) + row * right.Bytes(columns);
            byte* result = _context.Output(0) + row * output.Bytes(columns);
            for (int start = 0; start < columns; start += Block)
            {
                int count = Math.Min(Block, columns - start);
                left.Expand(a + left.Bytes(start), numbers, count);
                right.Expand(b + right.Bytes(start), numbers + Block, count);
                Combine(numbers, numbers + Block, count);
                output.Round(numbers, result + output.Bytes(start), count);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Combine(float* numbers, float* others, int count)
    {
        int i = 0;
        for (; i <= count - Vector<float>.Count; i += Vector<float>.Count)
        {
            TFunction.Invoke(Vector.Load(numbers + i), Vector.Load(others + i)).Store(numbers + i);
        }

        for (; i < count; i++)
        {
            numbers[i] = TFunction.Invoke(numbers[i], others[i]);
        }
    }
}
