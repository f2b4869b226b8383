using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Kernels;

/// <summary>For each position of a resized dimension, the input positions that it is made of, with their weights.</summary>
/// <param name="InputLength">The length of the dimension in the input.</param>
/// <param name="Taps">How many input positions each output position has.</param>
/// <param name="Indices">The input positions, <paramref name="Taps"/> for each output position.</param>
/// <param name="Weights">Their weights.</param>
/// <param name="IsOutside">For each output position, whether it takes the filler instead; null for none.</param>
internal sealed record InterpolationTable(long InputLength, int Taps, int[] Indices, double[] Weights, bool[]? IsOutside)
{
    /// <summary>The length of the dimension in the output.</summary>
    public int OutputLength => Indices.Length / Taps;
}

/// <summary>Resizes one dimension: each output element is a weighted sum of input elements along it.</summary>
internal sealed unsafe class InterpolationKernel<TInput, TOutput, TCompute> : Kernel, IParallelBody
    where TInput : unmanaged, INumber<TInput>
    where TOutput : unmanaged, INumber<TOutput>
    where TCompute : unmanaged, IFloatingPointIeee754<TCompute>
{
    private const int Chunk = 512;
    private const long PieceElements = 16 << 10;

    private readonly InterpolationTable _table;
    private readonly TCompute[] _weights;
    private readonly TOutput _filler;
    private readonly long _inner;
    private readonly long _rows;
    private readonly long _rowsPerPiece;
    private readonly long _operations;
    private KernelContext? _context;

    /// <summary>Makes the kernel.</summary>
    /// <param name="table">What to do along the dimension.</param>
    /// <param name="outer">The number of elements in front of it.</param>
    /// <param name="inner">The number of elements behind it.</param>
    /// <param name="filler">What positions outside of the input become.</param>
    public InterpolationKernel(InterpolationTable table, long outer, long inner, double filler)
    {
        _table = table;
        _weights = Array.ConvertAll(table.Weights, TCompute.CreateTruncating);
        _filler = TOutput.CreateSaturating(filler);
        _inner = inner;

        // A row is one output position with all that lies behind it or, if nothing does, all output positions.
        _rows = inner == 1 ? outer : outer * table.OutputLength;
        long work = (inner == 1 ? table.OutputLength : inner) * table.Taps;
        _rowsPerPiece = Math.Max(1, PieceElements / Math.Max(1, work));
        _operations = _rows * work;
    }

    /// <inheritdoc/>
    public override string Name => "interpolate";

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        _context = context;
        context.Workers.Parallelize(this, checked((int)((_rows + _rowsPerPiece - 1) / _rowsPerPiece)), _operations);
        _context = null;
    }

    /// <inheritdoc/>
    public void Execute(int index)
    {
        long last = Math.Min((index + 1) * _rowsPerPiece, _rows);
        for (long row = index * _rowsPerPiece; row < last; row++)
        {
            if (_inner == 1)
            {
                InterpolateAlong((TInput*)_context!.Input(0) + row * _table.InputLength, (TOutput*)_context.Output(0) + row * _table.OutputLength);
            }
            else
            {
                (long outer, long position) = Math.DivRem(row, _table.OutputLength);
                InterpolateAcross((TInput*)_context!.Input(0) + outer * _table.InputLength * _inner, (TOutput*)_context.Output(0) + row * _inner, (int)position);
            }
        }
    }

    // Loops are compiled for speed before their first call: a plan may run only a few times.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void InterpolateAlong(TInput* input, TOutput* output)
    {
        int taps = _table.Taps;
        if (typeof(TInput) == typeof(TCompute) && typeof(TOutput) == typeof(TCompute) && _table.IsOutside is null)
        {
            fixed (int* places = _table.Indices)
            fixed (TCompute* weights = _weights)
            {
                BlendAlong((TCompute*)input, (TCompute*)output, places, weights, taps, _table.OutputLength);
            }

            return;
        }

        int[] indices = _table.Indices;
        bool[]? isOutside = _table.IsOutside;
        int tap = 0;
        for (int i = 0; i < _table.OutputLength; i++)
        {
            if (isOutside is not null && isOutside[i])
            {
                output[i] = _filler;
                tap += taps;
                continue;
            }

            if (taps == 2)
            {
                output[i] = TOutput.CreateSaturating(_weights[tap] * TCompute.CreateTruncating(input[indices[tap]]) + _weights[tap + 1] * TCompute.CreateTruncating(input[indices[tap + 1]]));
                tap += 2;
                continue;
            }

            TCompute sum = TCompute.Zero;
            for (int k = 0; k < taps; k++, tap++)
            {
                sum += _weights[tap] * TCompute.CreateTruncating(input[indices[tap]]);
            }

            output[i] = TOutput.CreateSaturating(sum);
        }
    }

    // Few taps have loops of their own.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void BlendAlong(TCompute* input, TCompute* output, int* places, TCompute* weights, int taps, int count)
    {
        switch (taps)
        {
            case 2:
                for (int i = 0; i < count; i++, places += 2, weights += 2)
                {
                    output[i] = weights[0] * input[places[0]] + weights[1] * input[places[1]];
                }

                break;
            case 4:
                for (int i = 0; i < count; i++, places += 4, weights += 4)
                {
                    output[i] = weights[0] * input[places[0]] + weights[1] * input[places[1]] + weights[2] * input[places[2]] + weights[3] * input[places[3]];
                }

                break;
            default:
                for (int i = 0; i < count; i++)
                {
                    TCompute sum = TCompute.Zero;
                    int k = 0;
                    for (; k <= taps - 4; k += 4, places += 4, weights += 4)
                    {
                        sum += weights[0] * input[places[0]];
                        sum += weights[1] * input[places[1]];
                        sum += weights[2] * input[places[2]];
                        sum += weights[3] * input[places[3]];
                    }

                    for (; k < taps; k++)
                    {
                        sum += *weights++ * input[*places++];
                    }

                    output[i] = sum;
                }

                break;
        }
    }

    private void InterpolateAcross(TInput* input, TOutput* output, int position)
    {
        if (_table.IsOutside is { } isOutside && isOutside[position])
        {
            for (long i = 0; i < _inner; i++)
            {
                output[i] = _filler;
            }

            return;
        }

        Span<TCompute> buffer = stackalloc TCompute[typeof(TInput) == typeof(TCompute) ? 0 : Chunk];
        Span<TCompute> sums = stackalloc TCompute[Chunk];
        int first = position * _table.Taps;
        if (_table.Taps == 2 && typeof(TInput) == typeof(TCompute) && typeof(TOutput) == typeof(TCompute))
        {
            Blend((TCompute*)input + _table.Indices[first] * _inner, (TCompute*)input + _table.Indices[first + 1] * _inner, (TCompute*)output, _inner, _weights[first], _weights[first + 1]);
            return;
        }

        for (long start = 0; start < _inner; start += Chunk)
        {
            int length = (int)Math.Min(Chunk, _inner - start);
            Span<TCompute> results = typeof(TOutput) == typeof(TCompute) ? new Span<TCompute>(output + start, length) : sums[..length];
            TensorPrimitives.Multiply(Widen(input + _table.Indices[first] * _inner + start, length, buffer), _weights[first], results);
            for (int k = first + 1; k < first + _table.Taps; k++)
            {
                if (_weights[k] != TCompute.Zero)
                {
                    TensorPrimitives.MultiplyAdd(Widen(input + _table.Indices[k] * _inner + start, length, buffer), _weights[k], results, results);
                }
            }

            if (typeof(TOutput) != typeof(TCompute))
            {
                TensorPrimitives.ConvertSaturating(results, new Span<TOutput>(output + start, length));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Blend(TCompute* left, TCompute* right, TCompute* results, long length, TCompute leftWeight, TCompute rightWeight)
    {
        Vector<TCompute> leftWeights = new(leftWeight);
        Vector<TCompute> rightWeights = new(rightWeight);
        long i = 0;
        if (rightWeight == TCompute.Zero)
        {
            // What has no weight is not read: 0 times infinity is no number.
            for (; i <= length - Vector<TCompute>.Count; i += Vector<TCompute>.Count)
            {
                (Vector.Load(left + i) * leftWeights).Store(results + i);
            }

            for (; i < length; i++)
            {
                results[i] = left[i] * leftWeight;
            }

            return;
        }

        for (; i <= length - Vector<TCompute>.Count; i += Vector<TCompute>.Count)
        {
            (Vector.Load(left + i) * leftWeights + Vector.Load(right + i) * rightWeights).Store(results + i);
        }

        for (; i < length; i++)
        {
            results[i] = left[i] * leftWeight + right[i] * rightWeight;
        }
    }

    private static ReadOnlySpan<TCompute> Widen(TInput* source, int length, Span<TCompute> buffer)
    {
        if (typeof(TInput) == typeof(TCompute))
        {
            return new ReadOnlySpan<TCompute>(source, length);
        }

        TensorPrimitives.ConvertTruncating(new ReadOnlySpan<TInput>(source, length), buffer);
        return buffer[..length];
    }
}
