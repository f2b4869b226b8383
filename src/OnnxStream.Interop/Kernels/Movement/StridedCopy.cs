using System.Runtime.CompilerServices;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Kernels;

/// <summary>Copies elements that lie at regular distances: slices (also backwards), expansions, permutations of many dimensions.</summary>
internal sealed unsafe class StridedCopy : Kernel, IParallelBody
{
    private const long PieceElements = 64 << 10;

    // From so many bytes on, a run is copied at the speed of memory.
    private const long LongRun = 64;

    // Bytes that are copied while a single-precision number is computed.
    private const long CopiedBytes = 32;

    private readonly int _elementSize;
    private readonly long[] _dimensions;
    private readonly long[] _strides;
    private readonly long _start;
    private readonly long _inner;
    private readonly long _innerStride;
    private readonly long _runs;
    private readonly long _runsPerPiece;
    private KernelContext? _context;

    /// <summary>Makes the kernel.</summary>
    /// <param name="elementSize">The size of an element in bytes.</param>
    /// <param name="output">The shape of the output.</param>
    /// <param name="strides">For each of its dimensions, how many input elements lie between two neighbours; may be 0 or negative.</param>
    /// <param name="start">The input element that the first output element is copied from.</param>
    public StridedCopy(int elementSize, Shape output, ReadOnlySpan<long> strides, long start)
    {
        _elementSize = elementSize;
        _start = start;

        // Neighbouring dimensions that are walked as one are joined.
        List<long> dimensions = [];
        List<long> joined = [];
        for (int i = 0; i < output.Rank; i++)
        {
            if (output[i] == 1)
            {
                continue;
            }

            if (dimensions.Count > 0 && joined[^1] == strides[i] * output[i])
            {
                dimensions[^1] *= output[i];
                joined[^1] = strides[i];
            }
            else
            {
                dimensions.Add(output[i]);
                joined.Add(strides[i]);
            }
        }

        _inner = dimensions.Count == 0 ? output.ElementCount : dimensions[^1];
        _innerStride = dimensions.Count == 0 ? 1 : joined[^1];
        _dimensions = [.. dimensions[..Math.Max(0, dimensions.Count - 1)]];
        _strides = [.. joined[..Math.Max(0, joined.Count - 1)]];
        _runs = output.ElementCount == 0 ? 0 : output.ElementCount / _inner;
        _runsPerPiece = Math.Max(1, PieceElements / Math.Max(1, _inner));
    }

    /// <summary>The kernel that turns a tensor of [N, space…, C] into [N, C, space…].</summary>
    /// <param name="elementSize">The size of an element in bytes.</param>
    /// <param name="shape">The shape [N, C, space…].</param>
    public static StridedCopy FromChannelsLast(int elementSize, Shape shape)
    {
        long[] strides = new long[shape.Rank];
        strides[0] = shape.Product(1, shape.Rank);
        strides[1] = 1;
        long stride = shape[1];
        for (int i = shape.Rank - 1; i > 1; i--)
        {
            strides[i] = stride;
            stride *= shape[i];
        }

        return new StridedCopy(elementSize, shape, strides, 0);
    }

    /// <inheritdoc/>
    public override string Name => "strided copy";

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        _context = context;
        // Runs that lie in one piece are copied many elements at a time.
        long bytes = _runs * _inner * _elementSize;
        context.Workers.Parallelize(this, checked((int)((_runs + _runsPerPiece - 1) / _runsPerPiece)), _innerStride is 0 or 1 && _inner * _elementSize >= LongRun ? bytes / CopiedBytes : bytes);
        _context = null;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Execute(int index)
    {
        byte* input = _context!.Input(0);
        byte* output = _context.Output(0);
        long first = index * _runsPerPiece;
        long last = Math.Min(first + _runsPerPiece, _runs);

        // Where the first run is; from there the innermost dimension is counted on.
        long element = _start;
        long rest = first;
        long* positions = stackalloc long[_dimensions.Length + 1];
        for (int i = _dimensions.Length - 1; i >= 0; i--)
        {
            (rest, positions[i]) = Math.DivRem(rest, _dimensions[i]);
            element += positions[i] * _strides[i];
        }

        output += first * _inner * _elementSize;
        long runBytes = _inner * _elementSize;
        bool areShort = _innerStride == 1 && runBytes <= ShortCopy.LongestEach && _dimensions.Length > 0;
        for (long run = first, count; run < last; run += count, output += count * runBytes)
        {
            count = 1;
            if (areShort)
            {
                count = Math.Min(last - run, _dimensions[^1] - positions[_dimensions.Length - 1]);
                ShortCopy.CopyEach(input + element * _elementSize, _strides[^1] * _elementSize, output, runBytes, runBytes, count);
            }
            else
            {
                CopyRun(input + element * _elementSize, output);
            }

            long steps = count;
            for (int i = _dimensions.Length - 1; i >= 0; i--, steps = 1)
            {
                element += steps * _strides[i];
                positions[i] += steps;
                if (positions[i] < _dimensions[i])
                {
                    break;
                }

                element -= _dimensions[i] * _strides[i];
                positions[i] = 0;
            }
        }
    }

    private void CopyRun(byte* input, byte* output)
    {
        if (_innerStride == 1)
        {
            ShortCopy.Copy(input, output, _inner * _elementSize);
            return;
        }

        if (_innerStride == 0)
        {
            FillKernel.Fill(output, _inner, input, _elementSize);
            return;
        }

        switch (_elementSize)
        {
            case 1:
                CopyStrided(input, output);
                break;
            case 2:
                CopyStrided((short*)input, (short*)output);
                break;
            case 4:
                CopyStrided((int*)input, (int*)output);
                break;
            default:
                CopyStrided((long*)input, (long*)output);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void CopyStrided<T>(T* input, T* output)
        where T : unmanaged
    {
        for (long i = 0; i < _inner; i++)
        {
            output[i] = input[i * _innerStride];
        }
    }
}
