using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Kernels;

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

    /// <summary>How data and results of a single-precision normalization are stored.</summary>
    public StorageTypes Types { get; init; }

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
/// rows are divided among the threads. Rows of single precision whose squares leave its range are measured in double precision.
/// </remarks>
internal sealed unsafe class NormalizationKernel<T, TCompute> : Kernel, IParallelBody
    where T : unmanaged, INumber<T>
    where TCompute : unmanaged, IFloatingPointIeee754<TCompute>
{
    private const int Block = 1024;
    private const long PieceElements = 16 << 10;
    private const long PartElements = 32 << 10;

    // Between these, mean squares of single-precision numbers have lost no digits in single precision.
    private const double LeastSquare = 1e-30;
    private const double GreatestSquare = 1e36;

    private readonly Normalization _normalization;
    private readonly int _partsPerRow;
    private readonly long _operations;
    private readonly long _rowsPerPiece;
    private KernelContext? _context;
    private readonly RowFormat _data;
    private readonly RowFormat _results;
    private bool _onlyMoments;

    /// <summary>Makes the kernel. <typeparamref name="TCompute"/> is <typeparamref name="T"/>, or single precision for half.</summary>
    public NormalizationKernel(Normalization normalization, int workers)
    {
        _normalization = normalization;

        // What computes in other types reads and writes them.
        (_data, _results) = typeof(T) == typeof(float) ? (normalization.Types.Data, normalization.Types.Results) : (RowFormat.Of(ElementType.Float32), RowFormat.Of(ElementType.Float32));
        _partsPerRow = workers > 1 && normalization.Rows < 2 * workers ? checked((int)Math.Max(1, (normalization.Length + PartElements - 1) / PartElements)) : 1;
        _rowsPerPiece = Math.Max(1, PieceElements / Math.Max(1, normalization.Length));

        // Every element is read three times and written once.
        _operations = normalization.Rows * normalization.Length * 2;
    }

    /// <inheritdoc/>
    public override string Name => "normalize";

    /// <inheritdoc/>
    public override long ScratchBytes => _partsPerRow > 1 ? _normalization.Rows * _partsPerRow * sizeof(Moments) : 0;

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => input == 0 && _data == _results;

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        _context = context;
        if (_partsPerRow > 1)
        {
            int parts = checked((int)(_normalization.Rows * _partsPerRow));
            _onlyMoments = true;
            context.Workers.Parallelize(this, parts, _operations);
            _onlyMoments = false;
            context.Workers.Parallelize(this, parts, _operations);
        }
        else if (_normalization.Length > 0)
        {
            context.Workers.Parallelize(this, checked((int)((_normalization.Rows + _rowsPerPiece - 1) / _rowsPerPiece)), _operations);
        }

        _context = null;
    }

    /// <inheritdoc/>
    public void Execute(int index)
    {
        byte* input = _context!.Input(0);
        if (_partsPerRow == 1)
        {
            TCompute* rowBuffer = stackalloc TCompute[Expands ? Block : 0];
            long last = Math.Min((index + 1) * _rowsPerPiece, _normalization.Rows);
            for (long row = index * _rowsPerPiece; row < last; row++)
            {
                // Short rows are expanded once.
                TCompute* expanded = null;
                if (Expands && _normalization.Length <= Block)
                {
                    expanded = LoadData(input + row * DataBytes(_normalization.Length), (int)_normalization.Length, rowBuffer);
                }

                Write(row, 0, _normalization.Length, Measure(input + row * DataBytes(_normalization.Length), _normalization.Length, expanded), expanded);
            }

            return;
        }

        Moments* parts = (Moments*)_context.Scratch;
        (long wholeRow, long part) = Math.DivRem((long)index, _partsPerRow);
        long start = Math.Min(part * PartElements, _normalization.Length);
        long length = Math.Min(PartElements, _normalization.Length - start);
        if (_onlyMoments)
        {
            parts[index] = Measure(input + wholeRow * DataBytes(_normalization.Length) + DataBytes(start), length, null);
            return;
        }

        Moments moments = default;
        for (int i = 0; i < _partsPerRow; i++)
        {
            moments = moments.Merge(parts[wholeRow * _partsPerRow + i]);
        }

        Write(wholeRow, start, length, moments, null);
    }

    private bool Expands => !_data.IsSingle;

    private bool Rounds => !_results.IsSingle;

    // Of the first elements of a row.
    private long DataBytes(long elements) => Expands ? _data.Bytes(elements) : elements * sizeof(T);

    private long ResultBytes(long elements) => Rounds ? _results.Bytes(elements) : elements * sizeof(T);

    // What is expanded already need not be read again.
    private Moments Measure(byte* values, long length, TCompute* expanded)
    {
        TCompute* buffer = stackalloc TCompute[typeof(T) == typeof(TCompute) && !Expands ? 0 : Block];
        Moments moments = default;
        for (long start = 0; start < length; start += Block)
        {
            int count = (int)Math.Min(Block, length - start);
            TCompute* block = expanded is not null ? expanded : LoadData(values + DataBytes(start), count, buffer);
            TCompute center = _normalization.IsUncentered ? TCompute.Zero : Deviations(block, count, TCompute.Zero).Sum / TCompute.CreateTruncating(count);
            (TCompute sum, TCompute squares) = Deviations(block, count, center);
            double offset = double.CreateTruncating(sum) / count;
            moments = moments.Merge(_normalization.IsUncentered
                ? new Moments(count, 0, double.CreateTruncating(squares))
                : new Moments(count, double.CreateTruncating(center) + offset, double.CreateTruncating(squares) - offset * offset * count));
        }

        double divisor = moments.Squares / length + _normalization.Epsilon;
        return typeof(T) == typeof(float) && !(divisor > LeastSquare && divisor < GreatestSquare) ? MeasureExactly(values, length, buffer) : moments;
    }

    // Of single precision, however it is stored.
    private Moments MeasureExactly(byte* values, long length, TCompute* buffer)
    {
        long step = Expands ? Block : length;
        double mean = 0;
        for (long start = 0; start < length && !_normalization.IsUncentered; start += step)
        {
            long count = Math.Min(step, length - start);
            mean += WideSums.Sum((float*)LoadData(values + DataBytes(start), (int)Math.Min(Block, count), buffer), count) / length;
        }

        double squares = 0;
        for (long start = 0; start < length; start += step)
        {
            long count = Math.Min(step, length - start);
            float* block = (float*)LoadData(values + DataBytes(start), (int)Math.Min(Block, count), buffer);
            for (long i = 0; i < count; i++)
            {
                double distance = block[i] - mean;
                squares += distance * distance;
            }
        }

        return new Moments(length, mean, squares);
    }

    private void Write(long row, long start, long length, Moments moments, TCompute* expanded)
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

        byte* input = _context!.Input(0) + row * DataBytes(_normalization.Length);
        byte* output = _context.Output(0) + row * ResultBytes(_normalization.Length);
        T* scales = _normalization.ScaleInput > 0 ? (T*)_context.Input(_normalization.ScaleInput) : null;
        T* biases = _normalization.BiasInput > 0 ? (T*)_context.Input(_normalization.BiasInput) : null;

        // The mean in two numbers: the first is subtracted from elements close to it without error, the rest goes into the bias.
        TCompute mean = TCompute.CreateTruncating(moments.Mean);
        double rest = moments.Mean - double.CreateTruncating(mean);
        bool isDirect = typeof(T) == typeof(TCompute) && !Rounds;
        TCompute* buffer = stackalloc TCompute[isDirect && !Expands ? 0 : Block];
        TCompute* scaleBuffer = stackalloc TCompute[typeof(T) == typeof(TCompute) ? 0 : Block];
        TCompute* biasBuffer = stackalloc TCompute[typeof(T) == typeof(TCompute) ? 0 : Block];
        bool isShared = _normalization.SharedBy > 0;
        for (long end = start + length; start < end;)
        {
            long limit = isShared ? Math.Min(end, (start / _normalization.SharedBy + 1) * _normalization.SharedBy) : end;
            int count = (int)Math.Min(Block, limit - start);
            TCompute* values = expanded is not null ? expanded + start : LoadData(input + DataBytes(start), count, buffer);
            TCompute* results = isDirect ? (TCompute*)(output + ResultBytes(start)) : buffer;
            if (isShared)
            {
                long index = row % _normalization.Period * (_normalization.Length / _normalization.SharedBy) + start / _normalization.SharedBy;
                double scale = scales is null ? inverse : inverse * double.CreateTruncating(scales[index]);
                double bias = (biases is null ? 0 : double.CreateTruncating(biases[index])) - rest * scale;
                Scale(values, results, count, mean, TCompute.CreateTruncating(scale), TCompute.CreateTruncating(bias), null, null);
            }
            else
            {
                TCompute* factors = scales is null ? null : Load(scales + start, count, scaleBuffer);
                TCompute* summands = biases is null ? null : Load(biases + start, count, biasBuffer);
                Scale(values, results, count, mean, TCompute.CreateTruncating(inverse), TCompute.CreateTruncating(-rest * inverse), factors, summands);
            }

            if (Rounds)
            {
                _results.Round((float*)results, output + ResultBytes(start), count);
            }
            else if (typeof(T) == typeof(Half) && typeof(TCompute) == typeof(float))
            {
                HalfConversion.FromSingle((float*)results, (Half*)output + start, count);
            }
            else if (typeof(T) != typeof(TCompute))
            {
                TensorPrimitives.ConvertTruncating(new ReadOnlySpan<TCompute>(results, count), new Span<T>(output + start * sizeof(T), count));
            }

            start += count;
        }
    }

    private TCompute* LoadData(byte* source, int length, TCompute* buffer)
    {
        if (!Expands)
        {
            return Load((T*)source, length, buffer);
        }

        _data.Expand(source, (float*)buffer, length);
        return buffer;
    }

    private static TCompute* Load(T* source, int length, TCompute* buffer)
    {
        if (typeof(T) == typeof(TCompute))
        {
            return (TCompute*)source;
        }

        if (typeof(T) == typeof(Half) && typeof(TCompute) == typeof(float))
        {
            HalfConversion.ToSingle((Half*)source, (float*)buffer, length);
            return buffer;
        }

        TensorPrimitives.ConvertTruncating(new ReadOnlySpan<T>(source, length), new Span<TCompute>(buffer, length));
        return buffer;
    }

    // The sum of the distances from a number, and that of their squares. Like the loop below, it is compiled for speed before
    // its first call: a plan may run only a few times.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (TCompute Sum, TCompute Squares) Deviations(TCompute* values, int length, TCompute center)
    {
        int width = Vector<TCompute>.Count;
        Vector<TCompute> centers = new(center);
        Vector<TCompute> sums0 = default, sums1 = default, sums2 = default, sums3 = default;
        Vector<TCompute> squares0 = default, squares1 = default, squares2 = default, squares3 = default;
        int i = 0;
        for (; i <= length - 4 * width; i += 4 * width)
        {
            Vector<TCompute> distance0 = Vector.Load(values + i) - centers;
            Vector<TCompute> distance1 = Vector.Load(values + i + width) - centers;
            Vector<TCompute> distance2 = Vector.Load(values + i + 2 * width) - centers;
            Vector<TCompute> distance3 = Vector.Load(values + i + 3 * width) - centers;
            sums0 += distance0;
            sums1 += distance1;
            sums2 += distance2;
            sums3 += distance3;
            squares0 += distance0 * distance0;
            squares1 += distance1 * distance1;
            squares2 += distance2 * distance2;
            squares3 += distance3 * distance3;
        }

        for (; i <= length - width; i += width)
        {
            Vector<TCompute> distance = Vector.Load(values + i) - centers;
            sums0 += distance;
            squares0 += distance * distance;
        }

        TCompute sum = Vector.Sum((sums0 + sums1) + (sums2 + sums3));
        TCompute squares = Vector.Sum((squares0 + squares1) + (squares2 + squares3));
        for (; i < length; i++)
        {
            TCompute distance = values[i] - center;
            sum += distance;
            squares += distance * distance;
        }

        return (sum, squares);
    }

    // ((x - mean) * scale + bias) * factor + summand
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scale(TCompute* values, TCompute* results, int length, TCompute mean, TCompute scale, TCompute bias, TCompute* factors, TCompute* summands)
    {
        int width = Vector<TCompute>.Count;
        Vector<TCompute> means = new(mean);
        Vector<TCompute> scales = new(scale);
        Vector<TCompute> biases = new(bias);
        int i = 0;
        if (factors is not null && summands is not null)
        {
            for (; i <= length - width; i += width)
            {
                (((Vector.Load(values + i) - means) * scales + biases) * Vector.Load(factors + i) + Vector.Load(summands + i)).Store(results + i);
            }
        }
        else if (factors is not null)
        {
            for (; i <= length - width; i += width)
            {
                (((Vector.Load(values + i) - means) * scales + biases) * Vector.Load(factors + i)).Store(results + i);
            }
        }
        else if (summands is null)
        {
            for (; i <= length - width; i += width)
            {
                ((Vector.Load(values + i) - means) * scales + biases).Store(results + i);
            }
        }

        for (; i < length; i++)
        {
            TCompute result = (values[i] - mean) * scale + bias;
            result = factors is null ? result : result * factors[i];
            results[i] = summands is null ? result : result + summands[i];
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
