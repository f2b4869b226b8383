using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Kernels;

/// <summary>Puts elements where int64 indices say, zeros elsewhere. Elements of any type.</summary>
/// <remarks>Each thread writes one part of the output, which stays in its cache: it looks at all indices, and leaves out those of other parts.</remarks>
internal sealed unsafe class MaxUnpoolKernel(int elementSize, long count, long outputCount) : Kernel, IParallelBody
{
    private const long LeastPart = 64 << 10;

    // Looking at all indices takes time as well.
    private const int MostParts = 4;
    private const int Block = 256;

    private KernelContext? _context;
    private int _parts;

    /// <inheritdoc/>
    public override string Name => "max unpooling";

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        Check(context, (long*)context.Input(1));
        _context = context;
        _parts = (int)Math.Clamp(outputCount / LeastPart, 1, Math.Min(MostParts, context.Workers.WorkerCount));
        context.Workers.Parallelize(this, _parts);
        _context = null;
    }

    /// <inheritdoc/>
    public void Execute(int index)
    {
        byte* input = _context!.Input(0);
        byte* output = _context.Output(0);
        long start = outputCount * index / _parts;
        long length = outputCount * (index + 1) / _parts - start;
        NativeMemory.Clear(output + start * elementSize, checked((nuint)(length * elementSize)));
        switch (elementSize)
        {
            case 1:
                Scatter(input, output, start, length);
                break;
            case 2:
                Scatter((short*)input, (short*)output, start, length);
                break;
            case 4:
                Scatter((int*)input, (int*)output, start, length);
                break;
            default:
                Scatter((long*)input, (long*)output, start, length);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Check(KernelContext context, long* indices)
    {
        long i = 0;
        Vector<ulong> limit = new((ulong)outputCount);
        for (; i <= count - Vector<ulong>.Count && Vector.LessThanAll(Vector.Load((ulong*)indices + i), limit); i += Vector<ulong>.Count)
        {
        }

        for (; i < count; i++)
        {
            if (indices[i] < 0 || indices[i] >= outputCount)
            {
                throw new InvalidInputException($"{context.Call.OperatorType} '{context.Call.NodeName}': the index {indices[i]} is outside of an output of {outputCount} elements.");
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Scatter<T>(T* input, T* output, long start, long length)
        where T : unmanaged
    {
        long* indices = (long*)_context!.Input(1);
        if (length == outputCount)
        {
            for (long i = 0; i < count; i++)
            {
                output[indices[i]] = input[i];
            }

            return;
        }

        // Which ones are in the part, nobody can predict: there is no branch.
        int* own = stackalloc int[Block];
        for (long first = 0; first < count; first += Block)
        {
            int block = (int)Math.Min(Block, count - first);
            int found = 0;
            for (int i = 0; i < block; i++)
            {
                own[found] = i;
                found += (ulong)(indices[first + i] - start) < (ulong)length ? 1 : 0;
            }

            for (int k = 0; k < found; k++)
            {
                output[indices[first + own[k]]] = input[first + own[k]];
            }
        }
    }
}
