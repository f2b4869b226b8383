using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>How values become one: a sum, a maximum, …</summary>
/// <typeparam name="TWide">The type that is computed in.</typeparam>
internal interface IReduction<TWide>
    where TWide : unmanaged, INumber<TWide>
{
    /// <summary>The result of no values.</summary>
    static abstract TWide Initial { get; }

    /// <summary>One accumulator and many values (at least one).</summary>
    static abstract TWide Fold(TWide accumulator, ReadOnlySpan<TWide> values);

    /// <summary>Many accumulators and as many values.</summary>
    static abstract void FoldEach(Span<TWide> accumulators, ReadOnlySpan<TWide> values);

    /// <summary>The accumulator of the values of two.</summary>
    static abstract TWide Combine(TWide left, TWide right);

    /// <summary>What an accumulator of <paramref name="count"/> values means.</summary>
    static abstract TWide Result(TWide accumulator, long count);
}

/// <summary>Reduces dimensions of a tensor to one element each, on all threads.</summary>
/// <remarks>Elements are widened in short chunks, so that sums are exact for integers and of double precision otherwise.</remarks>
internal sealed unsafe class ReduceKernel<T, TWide, TReduction> : Kernel, IParallelBody
    where T : unmanaged, INumber<T>
    where TWide : unmanaged, INumber<TWide>, IMinMaxValue<TWide>
    where TReduction : struct, IReduction<TWide>
{
    private const int Chunk = 512;
    private const long PieceElements = 16 << 10;

    // Where there are few results, the values of each are folded in parts of so many.
    private const long PartElements = 32 << 10;

    private const long FewResults = 8;

    // So many bytes of values are folded while another kernel computes an element and writes it.
    private const long BytesPerOperation = 32;

    private readonly bool _isInnerReduced;
    private readonly long _inner;
    private readonly long[] _keptDimensions;
    private readonly long[] _keptStrides;
    private readonly long[] _reducedDimensions;
    private readonly long[] _reducedStrides;
    private readonly long _keptCount;
    private readonly long _reducedCount;
    private readonly long _valuesPerOutput;
    private readonly long _unitsPerPiece;

    // Parts of one result, in each of its runs or of its runs; 1 where results are folded as a whole.
    private readonly long _partsPerRun = 1;
    private readonly long _runsPerPart;
    private readonly long _parts = 1;
    private KernelContext? _context;

    /// <summary>Makes the kernel.</summary>
    /// <param name="input">The shape of the input.</param>
    /// <param name="isReduced">For each of its dimensions, whether it is reduced.</param>
    public ReduceKernel(Shape input, ReadOnlySpan<bool> isReduced)
    {
        // Neighbouring dimensions that share their fate are one.
        List<(long Dimension, long Stride, bool IsReduced)> groups = [];
        long[] strides = input.RowMajorStrides();
        for (int i = 0; i < input.Rank; i++)
        {
            if (input[i] == 1)
            {
                continue;
            }

            if (groups.Count > 0 && groups[^1].IsReduced == isReduced[i])
            {
                groups[^1] = (groups[^1].Dimension * input[i], strides[i], isReduced[i]);
            }
            else
            {
                groups.Add((input[i], strides[i], isReduced[i]));
            }
        }

        if (groups.Count == 0)
        {
            groups.Add((1, 1, false));
        }

        (_inner, _, _isInnerReduced) = groups[^1];
        groups.RemoveAt(groups.Count - 1);
        _keptDimensions = [.. groups.Where(group => !group.IsReduced).Select(group => group.Dimension)];
        _keptStrides = [.. groups.Where(group => !group.IsReduced).Select(group => group.Stride)];
        _reducedDimensions = [.. groups.Where(group => group.IsReduced).Select(group => group.Dimension)];
        _reducedStrides = [.. groups.Where(group => group.IsReduced).Select(group => group.Stride)];
        _keptCount = Product(_keptDimensions);
        _reducedCount = Product(_reducedDimensions);
        _valuesPerOutput = _isInnerReduced ? _reducedCount * _inner : _reducedCount;
        _unitsPerPiece = Math.Max(1, PieceElements / Math.Max(1, _reducedCount * Math.Min(_inner, _isInnerReduced ? long.MaxValue : Chunk)));
        _runsPerPart = _reducedCount;
        if (_isInnerReduced && _keptCount is > 0 and <= FewResults && _valuesPerOutput > PartElements)
        {
            _partsPerRun = (_inner + PartElements - 1) / PartElements;
            _runsPerPart = Math.Max(1, PartElements / _inner);
            _parts = (_reducedCount + _runsPerPart - 1) / _runsPerPart * _partsPerRun;
        }
    }

    /// <inheritdoc/>
    public override string Name => KernelNames.Of<TReduction>();

    /// <inheritdoc/>
    public override long ScratchBytes => _parts > 1 ? _keptCount * _parts * sizeof(Part) : 0;

    private static bool IsLogSumExp => typeof(TReduction) == typeof(LogSumExpReduction);

    private const int LongestSpan = 1 << 30;

    // The most common case has loops of its own.
    private static bool IsWideSum => (typeof(T) == typeof(float) || typeof(T) == typeof(Half)) && (typeof(TReduction) == typeof(SumReduction<double>) || typeof(TReduction) == typeof(MeanReduction<double>));

    // Half precision is compared as it is.
    private static bool IsHalfExtreme => typeof(T) == typeof(Half) && (IsHalfMaximum || typeof(TReduction) == typeof(MinimumReduction<float>));

    private static bool IsHalfMaximum => typeof(TReduction) == typeof(MaximumReduction<float>);

    // An output element where the innermost dimension is reduced, else up to Chunk neighbouring ones.
    private long UnitCount => _isInnerReduced ? _keptCount : _keptCount * ((_inner + Chunk - 1) / Chunk);

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        _context = context;
        long operations = _keptCount * _reducedCount * _inner * sizeof(T) / BytesPerOperation;
        if (_parts > 1)
        {
            context.Workers.Parallelize(this, checked((int)(_keptCount * _parts)), operations);
            for (long unit = 0; unit < _keptCount; unit++)
            {
                ((T*)context.Output(0))[unit] = T.CreateTruncating(Join((Part*)context.Scratch + unit * _parts));
            }
        }
        else
        {
            context.Workers.Parallelize(this, checked((int)((UnitCount + _unitsPerPiece - 1) / _unitsPerPiece)), operations);
        }

        _context = null;
    }

    /// <inheritdoc/>
    public void Execute(int index)
    {
        T* input = (T*)_context!.Input(0);
        T* output = (T*)_context.Output(0);
        Span<TWide> buffer = stackalloc TWide[Chunk];
        if (_parts > 1)
        {
            (long result, long part) = Math.DivRem(index, _parts);
            (long runs, long partOfRun) = Math.DivRem(part, _partsPerRun);
            long start = partOfRun * PartElements;
            long firstRun = runs * _runsPerPart;
            ((Part*)_context.Scratch)[index] = FoldOne(
                input + Offset(result, _keptDimensions, _keptStrides) + start, firstRun, Math.Min(firstRun + _runsPerPart, _reducedCount),
                _partsPerRun == 1 ? _inner : Math.Min(PartElements, _inner - start), buffer);
            return;
        }

        long last = Math.Min((index + 1) * _unitsPerPiece, UnitCount);
        if (_isInnerReduced)
        {
            for (long unit = index * _unitsPerPiece; unit < last; unit++)
            {
                Part whole = FoldOne(input + Offset(unit, _keptDimensions, _keptStrides), 0, _reducedCount, _inner, buffer);
                output[unit] = T.CreateTruncating(TReduction.Result(whole.Accumulator, _valuesPerOutput) + whole.Shift);
            }

            return;
        }

        Span<TWide> accumulators = stackalloc TWide[Chunk];
        Span<TWide> shifts = stackalloc TWide[IsLogSumExp ? Chunk : 0];
        long chunksPerRow = (_inner + Chunk - 1) / Chunk;
        for (long unit = index * _unitsPerPiece; unit < last; unit++)
        {
            (long row, long start) = Math.DivRem(unit, chunksPerRow);
            start *= Chunk;
            int length = (int)Math.Min(Chunk, _inner - start);
            FoldMany(input + Offset(row, _keptDimensions, _keptStrides) + start, accumulators[..length], shifts, buffer);
            T* results = output + row * _inner + start;
            for (int i = 0; i < length; i++)
            {
                TWide result = TReduction.Result(accumulators[i], _valuesPerOutput);
                results[i] = T.CreateTruncating(IsLogSumExp ? result + shifts[i] : result);
            }
        }
    }

    // What several parts of one result give together.
    private TWide Join(Part* parts)
    {
        TWide shift = TWide.Zero;
        bool isShifted = false;
        for (long i = 0; i < _parts && IsLogSumExp; i++)
        {
            if (IsPositive(parts[i].Accumulator))
            {
                shift = isShifted ? TWide.Max(shift, parts[i].Shift) : parts[i].Shift;
                isShifted = true;
            }
        }

        TWide accumulator = TReduction.Initial;
        for (long i = 0; i < _parts; i++)
        {
            // A sum that is zero, infinite or no number stays so.
            TWide part = parts[i].Accumulator;
            if (IsLogSumExp && IsPositive(part))
            {
                part *= TWide.CreateTruncating(Math.Exp(double.CreateTruncating(parts[i].Shift - shift)));
            }

            accumulator = TReduction.Combine(accumulator, part);
        }

        return TReduction.Result(accumulator, _valuesPerOutput) + shift;
    }

    // Runs of one result, of which "length" values are folded.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private Part FoldOne(T* input, long firstRun, long endRun, long length, Span<TWide> buffer)
    {
        // What needs no room is folded in one piece.
        long most = typeof(T) == typeof(TWide) && !IsLogSumExp ? LongestSpan : Chunk;
        TWide shift = TWide.Zero;
        if (IsLogSumExp)
        {
            TWide maximum = NegativeInfinity;
            for (long i = firstRun; i < endRun; i++)
            {
                T* run = input + Offset(i, _reducedDimensions, _reducedStrides);
                for (long start = 0; start < length; start += most)
                {
                    maximum = VectorFolding.Fold<TWide, MaximumOperation<TWide>>(maximum, Widen(run + start, (int)Math.Min(most, length - start), buffer));
                }
            }

            shift = FiniteOrZero(maximum);
        }

        TWide accumulator = TReduction.Initial;
        for (long i = firstRun; i < endRun; i++)
        {
            T* run = input + Offset(i, _reducedDimensions, _reducedStrides);
            if (IsWideSum)
            {
                accumulator += TWide.CreateTruncating(typeof(T) == typeof(Half) ? HalfFolding.Sum((Half*)run, length) : WideSums.Sum((float*)run, length));
                continue;
            }

            if (IsHalfExtreme && length > 0)
            {
                accumulator = TReduction.Combine(accumulator, TWide.CreateTruncating(HalfFolding.Extreme((Half*)run, length, IsHalfMaximum)));
                continue;
            }

            for (long start = 0; start < length; start += most)
            {
                ReadOnlySpan<TWide> values = Widen(run + start, (int)Math.Min(most, length - start), buffer);
                accumulator = TReduction.Fold(accumulator, IsLogSumExp ? Exponentials(values, shift, buffer) : values);
            }
        }

        return new Part(accumulator, shift);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void FoldMany(T* input, Span<TWide> accumulators, Span<TWide> shifts, Span<TWide> buffer)
    {
        if (IsLogSumExp)
        {
            shifts = shifts[..accumulators.Length];
            shifts.Fill(NegativeInfinity);
            for (long i = 0; i < _reducedCount; i++)
            {
                TensorPrimitives.Max(shifts, Widen(input + Offset(i, _reducedDimensions, _reducedStrides), accumulators.Length, buffer), shifts);
            }

            foreach (ref TWide shift in shifts)
            {
                shift = FiniteOrZero(shift);
            }
        }

        if (IsHalfExtreme)
        {
            FoldManyHalves(input, accumulators);
            return;
        }

        float* singles = stackalloc float[typeof(T) == typeof(Half) ? Chunk : 0];
        float** rows = stackalloc float*[WideSums.MostRows];
        accumulators.Fill(TReduction.Initial);
        for (long i = 0; i < _reducedCount; i++)
        {
            if (IsWideSum && typeof(T) == typeof(float) && _reducedCount - i >= WideSums.MostRows)
            {
                for (int row = 0; row < WideSums.MostRows; row++)
                {
                    rows[row] = (float*)input + Offset(i + row, _reducedDimensions, _reducedStrides);
                }

                fixed (TWide* sums = accumulators)
                {
                    WideSums.AddRows((double*)sums, rows, accumulators.Length);
                }

                i += WideSums.MostRows - 1;
                continue;
            }

            if (IsWideSum)
            {
                T* values = input + Offset(i, _reducedDimensions, _reducedStrides);
                fixed (TWide* sums = accumulators)
                {
                    float* numbers = (float*)values;
                    if (typeof(T) == typeof(Half))
                    {
                        HalfConversion.ToSingle((Half*)values, singles, accumulators.Length);
                        numbers = singles;
                    }

                    WideSums.Add((double*)sums, numbers, accumulators.Length);
                }

                continue;
            }

            ReadOnlySpan<TWide> wide = Widen(input + Offset(i, _reducedDimensions, _reducedStrides), accumulators.Length, buffer);
            if (IsLogSumExp)
            {
                TensorPrimitives.Subtract(wide, shifts, buffer);
                wide = Exponentials(buffer[..wide.Length], TWide.Zero, buffer);
            }

            TReduction.FoldEach(accumulators, wide);
        }
    }

    private void FoldManyHalves(T* input, Span<TWide> accumulators)
    {
        short* orders = stackalloc short[Chunk];
        short* sizes = stackalloc short[Chunk];
        new Span<short>(orders, accumulators.Length).Fill(short.MinValue);
        new Span<short>(sizes, accumulators.Length).Clear();
        for (long i = 0; i < _reducedCount; i++)
        {
            HalfFolding.TakeRow((Half*)input + Offset(i, _reducedDimensions, _reducedStrides), orders, sizes, accumulators.Length, IsHalfMaximum);
        }

        for (int i = 0; i < accumulators.Length; i++)
        {
            accumulators[i] = _reducedCount == 0 ? TReduction.Initial : TWide.CreateTruncating(HalfFolding.Extreme(orders[i], sizes[i], IsHalfMaximum));
        }
    }

    // e to the power of what the values are above a number.
    private static ReadOnlySpan<TWide> Exponentials(ReadOnlySpan<TWide> values, TWide shift, Span<TWide> buffer)
    {
        Span<double> powers = MemoryMarshal.Cast<TWide, double>(buffer)[..values.Length];
        TensorPrimitives.Subtract(MemoryMarshal.Cast<TWide, double>(values), double.CreateTruncating(shift), powers);
        TensorPrimitives.Exp(powers, powers);
        return buffer[..values.Length];
    }

    private static TWide NegativeInfinity => TWide.CreateTruncating(double.NegativeInfinity);

    private static bool IsPositive(TWide value) => TWide.IsFinite(value) && value > TWide.Zero;

    private static TWide FiniteOrZero(TWide value) => TWide.IsFinite(value) ? value : TWide.Zero;

    private static ReadOnlySpan<TWide> Widen(T* source, int length, Span<TWide> buffer)
    {
        if (typeof(T) == typeof(TWide))
        {
            return new ReadOnlySpan<TWide>(source, length);
        }

        if (typeof(T) == typeof(Half))
        {
            ExpandHalf((Half*)source, length, buffer);
            return buffer[..length];
        }

        TensorPrimitives.ConvertTruncating(new ReadOnlySpan<T>(source, length), buffer);
        return buffer[..length];
    }

    private static void ExpandHalf(Half* source, int length, Span<TWide> buffer)
    {
        float* singles = stackalloc float[Chunk];
        HalfConversion.ToSingle(source, singles, length);
        TensorPrimitives.ConvertTruncating(new ReadOnlySpan<float>(singles, length), buffer);
    }

    private static long Offset(long index, long[] dimensions, long[] strides)
    {
        long offset = 0;
        for (int i = dimensions.Length - 1; i > 0; i--)
        {
            (index, long position) = Math.DivRem(index, dimensions[i]);
            offset += position * strides[i];
        }

        // Most have one dimension, and divisions are slow.
        if (dimensions.Length > 0)
        {
            offset += index * strides[0];
        }

        return offset;
    }

    // An accumulator of some values, and what was subtracted from each.
    private readonly record struct Part(TWide Accumulator, TWide Shift);

    private static long Product(long[] dimensions)
    {
        long product = 1;
        foreach (long dimension in dimensions)
        {
            product *= dimension;
        }

        return product;
    }
}

/// <summary>Adds.</summary>
internal readonly struct SumReduction<TWide> : IReduction<TWide>
    where TWide : unmanaged, INumber<TWide>
{
    /// <inheritdoc/>
    public static TWide Initial => TWide.Zero;

    /// <inheritdoc/>
    public static TWide Fold(TWide accumulator, ReadOnlySpan<TWide> values) => VectorFolding.Fold<TWide, AdditionOperation<TWide>>(accumulator, values);

    /// <inheritdoc/>
    public static void FoldEach(Span<TWide> accumulators, ReadOnlySpan<TWide> values) => VectorFolding.FoldEach<TWide, AdditionOperation<TWide>>(accumulators, values);

    /// <inheritdoc/>
    public static TWide Combine(TWide left, TWide right) => left + right;

    /// <inheritdoc/>
    public static TWide Result(TWide accumulator, long count) => accumulator;
}

/// <summary>Adds and divides by the count; integers are truncated.</summary>
internal readonly struct MeanReduction<TWide> : IReduction<TWide>
    where TWide : unmanaged, INumber<TWide>
{
    /// <inheritdoc/>
    public static TWide Initial => TWide.Zero;

    /// <inheritdoc/>
    public static TWide Fold(TWide accumulator, ReadOnlySpan<TWide> values) => VectorFolding.Fold<TWide, AdditionOperation<TWide>>(accumulator, values);

    /// <inheritdoc/>
    public static void FoldEach(Span<TWide> accumulators, ReadOnlySpan<TWide> values) => VectorFolding.FoldEach<TWide, AdditionOperation<TWide>>(accumulators, values);

    /// <inheritdoc/>
    public static TWide Combine(TWide left, TWide right) => left + right;

    /// <inheritdoc/>
    public static TWide Result(TWide accumulator, long count) =>
        count == 0 && typeof(TWide) != typeof(double) ? TWide.Zero : accumulator / TWide.CreateTruncating(count);
}

/// <summary>Multiplies.</summary>
internal readonly struct ProductReduction<TWide> : IReduction<TWide>
    where TWide : unmanaged, INumber<TWide>
{
    /// <inheritdoc/>
    public static TWide Initial => TWide.One;

    /// <inheritdoc/>
    public static TWide Fold(TWide accumulator, ReadOnlySpan<TWide> values) => accumulator * TensorPrimitives.Product(values);

    /// <inheritdoc/>
    public static void FoldEach(Span<TWide> accumulators, ReadOnlySpan<TWide> values) => TensorPrimitives.Multiply(accumulators, values, accumulators);

    /// <inheritdoc/>
    public static TWide Combine(TWide left, TWide right) => left * right;

    /// <inheritdoc/>
    public static TWide Result(TWide accumulator, long count) => accumulator;
}

/// <summary>The largest value; of no values, the least that the type has.</summary>
internal readonly struct MaximumReduction<TWide> : IReduction<TWide>
    where TWide : unmanaged, INumber<TWide>, IMinMaxValue<TWide>
{
    /// <inheritdoc/>
    public static TWide Initial =>
        typeof(TWide) == typeof(float) || typeof(TWide) == typeof(double) || typeof(TWide) == typeof(Half) ? TWide.CreateTruncating(double.NegativeInfinity) : TWide.MinValue;

    /// <inheritdoc/>
    public static TWide Fold(TWide accumulator, ReadOnlySpan<TWide> values) => VectorFolding.Fold<TWide, MaximumOperation<TWide>>(accumulator, values);

    /// <inheritdoc/>
    public static void FoldEach(Span<TWide> accumulators, ReadOnlySpan<TWide> values) => VectorFolding.FoldEach<TWide, MaximumOperation<TWide>>(accumulators, values);

    /// <inheritdoc/>
    public static TWide Combine(TWide left, TWide right) => MaximumOperation<TWide>.Invoke(left, right);

    /// <inheritdoc/>
    public static TWide Result(TWide accumulator, long count) => accumulator;
}

/// <summary>The smallest value; of no values, the greatest that the type has.</summary>
internal readonly struct MinimumReduction<TWide> : IReduction<TWide>
    where TWide : unmanaged, INumber<TWide>, IMinMaxValue<TWide>
{
    /// <inheritdoc/>
    public static TWide Initial =>
        typeof(TWide) == typeof(float) || typeof(TWide) == typeof(double) || typeof(TWide) == typeof(Half) ? TWide.CreateTruncating(double.PositiveInfinity) : TWide.MaxValue;

    /// <inheritdoc/>
    public static TWide Fold(TWide accumulator, ReadOnlySpan<TWide> values) => VectorFolding.Fold<TWide, MinimumOperation<TWide>>(accumulator, values);

    /// <inheritdoc/>
    public static void FoldEach(Span<TWide> accumulators, ReadOnlySpan<TWide> values) => VectorFolding.FoldEach<TWide, MinimumOperation<TWide>>(accumulators, values);

    /// <inheritdoc/>
    public static TWide Combine(TWide left, TWide right) => MinimumOperation<TWide>.Invoke(left, right);

    /// <inheritdoc/>
    public static TWide Result(TWide accumulator, long count) => accumulator;
}

/// <summary>Adds absolute values.</summary>
internal readonly struct L1Reduction<TWide> : IReduction<TWide>
    where TWide : unmanaged, INumber<TWide>
{
    /// <inheritdoc/>
    public static TWide Initial => TWide.Zero;

    /// <inheritdoc/>
    public static TWide Fold(TWide accumulator, ReadOnlySpan<TWide> values) => accumulator + TensorPrimitives.SumOfMagnitudes(values);

    /// <inheritdoc/>
    public static void FoldEach(Span<TWide> accumulators, ReadOnlySpan<TWide> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            accumulators[i] += TWide.Abs(values[i]);
        }
    }

    /// <inheritdoc/>
    public static TWide Combine(TWide left, TWide right) => left + right;

    /// <inheritdoc/>
    public static TWide Result(TWide accumulator, long count) => accumulator;
}

/// <summary>Adds squares.</summary>
internal readonly struct SumSquareReduction<TWide> : IReduction<TWide>
    where TWide : unmanaged, INumber<TWide>
{
    /// <inheritdoc/>
    public static TWide Initial => TWide.Zero;

    /// <inheritdoc/>
    public static TWide Fold(TWide accumulator, ReadOnlySpan<TWide> values) => accumulator + TensorPrimitives.SumOfSquares(values);

    /// <inheritdoc/>
    public static void FoldEach(Span<TWide> accumulators, ReadOnlySpan<TWide> values) => TensorPrimitives.MultiplyAdd(values, values, accumulators, accumulators);

    /// <inheritdoc/>
    public static TWide Combine(TWide left, TWide right) => left + right;

    /// <inheritdoc/>
    public static TWide Result(TWide accumulator, long count) => accumulator;
}

/// <summary>The square root of the sum of squares.</summary>
internal readonly struct L2Reduction : IReduction<double>
{
    /// <inheritdoc/>
    public static double Initial => 0;

    /// <inheritdoc/>
    public static double Fold(double accumulator, ReadOnlySpan<double> values) => accumulator + TensorPrimitives.SumOfSquares(values);

    /// <inheritdoc/>
    public static void FoldEach(Span<double> accumulators, ReadOnlySpan<double> values) => TensorPrimitives.MultiplyAdd(values, values, accumulators, accumulators);

    /// <inheritdoc/>
    public static double Combine(double left, double right) => left + right;

    /// <inheritdoc/>
    public static double Result(double accumulator, long count) => Math.Sqrt(accumulator);
}

/// <summary>The logarithm of the sum.</summary>
internal readonly struct LogSumReduction : IReduction<double>
{
    /// <inheritdoc/>
    public static double Initial => 0;

    /// <inheritdoc/>
    public static double Fold(double accumulator, ReadOnlySpan<double> values) => accumulator + TensorPrimitives.Sum(values);

    /// <inheritdoc/>
    public static void FoldEach(Span<double> accumulators, ReadOnlySpan<double> values) => TensorPrimitives.Add(accumulators, values, accumulators);

    /// <inheritdoc/>
    public static double Combine(double left, double right) => left + right;

    /// <inheritdoc/>
    public static double Result(double accumulator, long count) => Math.Log(accumulator);
}

/// <summary>The logarithm of a sum of exponentials. The kernel makes them, and subtracts the largest value first, so that none overflows.</summary>
internal readonly struct LogSumExpReduction : IReduction<double>
{
    /// <inheritdoc/>
    public static double Initial => 0;

    /// <inheritdoc/>
    public static double Fold(double accumulator, ReadOnlySpan<double> values) => VectorFolding.Fold<double, AdditionOperation<double>>(accumulator, values);

    /// <inheritdoc/>
    public static void FoldEach(Span<double> accumulators, ReadOnlySpan<double> values) => VectorFolding.FoldEach<double, AdditionOperation<double>>(accumulators, values);

    /// <inheritdoc/>
    public static double Combine(double left, double right) => left + right;

    /// <inheritdoc/>
    public static double Result(double accumulator, long count) => Math.Log(accumulator);
}
