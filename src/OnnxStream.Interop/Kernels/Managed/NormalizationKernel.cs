using System.Numerics;
using System.Numerics.Tensors;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Kernels.Managed;

/// <summary>What a <see cref="NormalizationKernel{T, TCompute}"/> does to each row.</summary>
internal readonly record struct Normalization
{
    /// <summary>The number of rows; each is normalised on its own.</summary>
    public required long Rows { get; init; }

    /// <summary>The number of elements in a row.</summary>
    public required long Length { get; init; }

    /// <summary>What keeps the divisor from being zero.</summary>
    public required float Epsilon { get; init; }

    /// <summary>Whether epsilon is added to the standard deviation rather than to the variance.</summary>
    public bool IsEpsilonOutside { get; init; }

    /// <summary>Whether the mean stays and the divisor is the root of the mean square.</summary>
    public bool IsUncentered { get; init; }

    /// <summary>The input that holds scales; 0 for none.</summary>
    public int ScaleInput { get; init; }

    /// <summary>The input that holds biases; 0 for none.</summary>
    public int BiasInput { get; init; }

    /// <summary>0 if scale and bias have one element for each element of a row; otherwise how many neighbouring elements share one.</summary>
    public long SharedBy { get; init; }

    /// <summary>If elements share scales: after how many rows they start again.</summary>
    public long Period { get; init; }

    /// <summary>The output that receives the rows' means as single-precision numbers; 0 for none.</summary>
    public int MeanOutput { get; init; }

    /// <summary>The output that receives the inverse of the rows' standard deviations as single-precision numbers; 0 for none.</summary>
    public int InverseDeviationOutput { get; init; }
}

/// <summary>Subtracts the mean of each row, divides by its standard deviation, scales and shifts: layer, instance, group and RMS normalisation.</summary>
/// <remarks>
/// A row is read once from memory for its moments: each short block gives its mean and its squared deviations from that mean
/// while it is in the cache, and blocks are merged in double precision (Chan, Golub, LeVeque: "Updating Formulae and a Pairwise
/// Algorithm for Computing Sample Variances"), so that a large mean costs no digits. A second reading makes the output. Few long
/// rows are divided among the threads.
/// </remarks>
internal sealed unsafe class NormalizationKernel<T, TCompute> : Kernel, IParallelBody
    where T : unmanaged, INumber<T>
    where TCompute : unmanaged, IFloatingPointIeee754<TCompute>
{
    private const int Block = 1024;
    private const long PieceElements = 16 << 10;
    private const long PartElements = 32 << 10;

    private readonly Normalization _normalization;
    private readonly int _partsPerRow;
    private readonly long _rowsPerPiece;
    private KernelContext? _context;
    private bool _onlyMoments;

    /// <summary>Makes the kernel. <typeparamref name="TCompute"/> is <typeparamref name="T"/>, or single precision for half.</summary>
    public NormalizationKernel(Normalization normalization, int workers)
    {
        _normalization = normalization;
        _partsPerRow = workers > 1 && normalization.Rows < 2 * workers ? checked((int)Math.Max(1, (normalization.Length + PartElements - 1) / PartElements)) : 1;
        _rowsPerPiece = Math.Max(1, PieceElements / Math.Max(1, normalization.Length));
    }

    /// <inheritdoc/>
    public override string Name => "normalize";

    /// <inheritdoc/>
    public override long ScratchBytes => _partsPerRow > 1 ? _normalization.Rows * _partsPerRow * sizeof(Moments) : 0;

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => input == 0;

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        _context = context;
        if (_partsPerRow > 1)
        {
            int parts = checked((int)(_normalization.Rows * _partsPerRow));
            _onlyMoments = true;
            context.Workers.Parallelize(this, parts);
            _onlyMoments = false;
            context.Workers.Parallelize(this, parts);
        }
        else if (_normalization.Length > 0)
        {
            context.Workers.Parallelize(this, checked((int)((_normalization.Rows + _rowsPerPiece - 1) / _rowsPerPiece)));
        }

        _context = null;
    }

    /// <inheritdoc/>
    public void Execute(int index)
    {
        T* input = (T*)_context!.Input(0);
        if (_partsPerRow == 1)
        {
            long last = Math.Min((index + 1) * _rowsPerPiece, _normalization.Rows);
            for (long row = index * _rowsPerPiece; row < last; row++)
            {
                Write(row, 0, _normalization.Length, Measure(input + row * _normalization.Length, _normalization.Length));
            }

            return;
        }

        Moments* parts = (Moments*)_context.Scratch;
        (long wholeRow, long part) = Math.DivRem((long)index, _partsPerRow);
        long start = Math.Min(part * PartElements, _normalization.Length);
        long length = Math.Min(PartElements, _normalization.Length - start);
        if (_onlyMoments)
        {
            parts[index] = Measure(input + wholeRow * _normalization.Length + start, length);
            return;
        }

        Moments moments = default;
        for (int i = 0; i < _partsPerRow; i++)
        {
            moments = moments.Merge(parts[wholeRow * _partsPerRow + i]);
        }

        Write(wholeRow, start, length, moments);
    }

    private Moments Measure(T* values, long length)
    {
        Span<TCompute> buffer = stackalloc TCompute[typeof(T) == typeof(TCompute) ? 0 : Block];
        Moments moments = default;
        for (long start = 0; start < length; start += Block)
        {
            ReadOnlySpan<TCompute> block = Load(values + start, (int)Math.Min(Block, length - start), buffer);
            TCompute center = _normalization.IsUncentered ? TCompute.Zero : TensorPrimitives.Sum(block) / TCompute.CreateTruncating(block.Length);
            (TCompute sum, TCompute squares) = Deviations(block, center);
            double offset = double.CreateTruncating(sum) / block.Length;
            moments = moments.Merge(_normalization.IsUncentered
                ? new Moments(block.Length, 0, double.CreateTruncating(squares))
                : new Moments(block.Length, double.CreateTruncating(center) + offset, double.CreateTruncating(squares) - offset * offset * block.Length));
        }

        return moments;
    }

    private void Write(long row, long start, long length, Moments moments)
    {
        double variance = Math.Max(0, moments.Squares / _normalization.Length);
        double inverse = _normalization.IsEpsilonOutside ? 1 / (Math.Sqrt(variance) + _normalization.Epsilon) : 1 / Math.Sqrt(variance + _normalization.Epsilon);
        if (start == 0 && _normalization.MeanOutput > 0)
        {
            ((float*)_context!.Output(_normalization.MeanOutput))[row] = (float)moments.Mean;
        }

        if (start == 0 && _normalization.InverseDeviationOutput > 0)
        {
            ((float*)_context!.Output(_normalization.InverseDeviationOutput))[row] = (float)inverse;
        }

        T* input = (T*)_context!.Input(0) + row * _normalization.Length;
        T* output = (T*)_context.Output(0) + row * _normalization.Length;
        T* scales = _normalization.ScaleInput > 0 ? (T*)_context.Input(_normalization.ScaleInput) : null;
        T* biases = _normalization.BiasInput > 0 ? (T*)_context.Input(_normalization.BiasInput) : null;

        // The mean in two numbers: the first is subtracted from elements close to it without error, the rest goes into the bias.
        TCompute mean = TCompute.CreateTruncating(moments.Mean);
        double rest = moments.Mean - double.CreateTruncating(mean);
        Span<TCompute> buffer = stackalloc TCompute[typeof(T) == typeof(TCompute) ? 0 : Block];
        Span<TCompute> scaleBuffer = stackalloc TCompute[typeof(T) == typeof(TCompute) ? 0 : Block];
        Span<TCompute> biasBuffer = stackalloc TCompute[typeof(T) == typeof(TCompute) ? 0 : Block];
        bool isShared = _normalization.SharedBy > 0;
        for (long end = start + length; start < end;)
        {
            long limit = isShared ? Math.Min(end, (start / _normalization.SharedBy + 1) * _normalization.SharedBy) : end;
            int count = (int)Math.Min(Block, limit - start);
            ReadOnlySpan<TCompute> values = Load(input + start, count, buffer);
            Span<TCompute> results = typeof(T) == typeof(TCompute) ? new Span<TCompute>(output + start, count) : buffer[..count];
            if (isShared)
            {
                long index = row % _normalization.Period * (_normalization.Length / _normalization.SharedBy) + start / _normalization.SharedBy;
                double scale = scales is null ? inverse : inverse * double.CreateTruncating(scales[index]);
                double bias = (biases is null ? 0 : double.CreateTruncating(biases[index])) - rest * scale;
                Scale(values, results, mean, TCompute.CreateTruncating(scale), TCompute.CreateTruncating(bias));
            }
            else
            {
                Scale(values, results, mean, TCompute.CreateTruncating(inverse), TCompute.CreateTruncating(-rest * inverse));
                if (scales is not null)
                {
                    ReadOnlySpan<TCompute> factors = Load(scales + start, count, scaleBuffer);
                    if (biases is not null)
                    {
                        TensorPrimitives.MultiplyAdd(results, factors, Load(biases + start, count, biasBuffer), results);
                    }
                    else
                    {
                        TensorPrimitives.Multiply(results, factors, results);
                    }
                }
            }

            if (typeof(T) != typeof(TCompute))
            {
                TensorPrimitives.ConvertTruncating(results, new Span<T>(output + start, count));
            }

            start += count;
        }
    }

    private static ReadOnlySpan<TCompute> Load(T* source, int length, Span<TCompute> buffer)
    {
        if (typeof(T) == typeof(TCompute))
        {
            return new ReadOnlySpan<TCompute>(source, length);
        }

        TensorPrimitives.ConvertTruncating(new ReadOnlySpan<T>(source, length), buffer);
        return buffer[..length];
    }

    // The sum of the distances from a number, and that of their squares.
    private static (TCompute Sum, TCompute Squares) Deviations(ReadOnlySpan<TCompute> values, TCompute center)
    {
        TCompute sum = TCompute.Zero;
        TCompute squares = TCompute.Zero;
        int i = 0;
        if (values.Length >= 4 * Vector<TCompute>.Count)
        {
            Vector<TCompute> centers = new(center);
            Vector<TCompute> sums0 = default;
            Vector<TCompute> sums1 = default;
            Vector<TCompute> squares0 = default;
            Vector<TCompute> squares1 = default;
            for (; i <= values.Length - 2 * Vector<TCompute>.Count; i += 2 * Vector<TCompute>.Count)
            {
                Vector<TCompute> distance0 = new Vector<TCompute>(values[i..]) - centers;
                Vector<TCompute> distance1 = new Vector<TCompute>(values[(i + Vector<TCompute>.Count)..]) - centers;
                sums0 += distance0;
                sums1 += distance1;
                squares0 += distance0 * distance0;
                squares1 += distance1 * distance1;
            }

            sum = Vector.Sum(sums0 + sums1);
            squares = Vector.Sum(squares0 + squares1);
        }

        for (; i < values.Length; i++)
        {
            TCompute distance = values[i] - center;
            sum += distance;
            squares += distance * distance;
        }

        return (sum, squares);
    }

    // (x - mean) * scale + bias
    private static void Scale(ReadOnlySpan<TCompute> values, Span<TCompute> results, TCompute mean, TCompute scale, TCompute bias)
    {
        int i = 0;
        Vector<TCompute> means = new(mean);
        Vector<TCompute> scales = new(scale);
        Vector<TCompute> biases = new(bias);
        for (; i <= values.Length - Vector<TCompute>.Count; i += Vector<TCompute>.Count)
        {
            ((new Vector<TCompute>(values[i..]) - means) * scales + biases).CopyTo(results[i..]);
        }

        for (; i < values.Length; i++)
        {
            results[i] = (values[i] - mean) * scale + bias;
        }
    }
}

/// <summary>Count, mean and sum of squared deviations of some numbers.</summary>
internal readonly record struct Moments(double Count, double Mean, double Squares)
{
    /// <summary>Those of both sets together.</summary>
    public Moments Merge(Moments other)
    {
        if (Count == 0)
        {
            return other;
        }

        if (other.Count == 0)
        {
            return this;
        }

        double count = Count + other.Count;
        double difference = other.Mean - Mean;
        return new Moments(count, Mean + difference * (other.Count / count), Squares + other.Squares + difference * difference * Count * (other.Count / count));
    }
}

/// <summary>Makes <see cref="NormalizationKernel{T, TCompute}"/>.</summary>
internal static class NormalizationKernel
{
    /// <summary>Makes the kernel for a floating-point type; null for others.</summary>
    public static Kernel? Create(ElementType type, Normalization normalization, WorkerPool workers) => type switch
    {
        ElementType.Float32 => new NormalizationKernel<float, float>(normalization, workers.WorkerCount),
        ElementType.Float64 => new NormalizationKernel<double, double>(normalization, workers.WorkerCount),
        ElementType.Float16 => new NormalizationKernel<Half, float>(normalization, workers.WorkerCount),
        _ => null,
    };
}
