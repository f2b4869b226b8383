using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace OnnxStream.Interop.Kernels;

/// <summary>How the elements of a window become one.</summary>
internal interface IPoolingFunction<TCompute>
    where TCompute : unmanaged, INumber<TCompute>
{
    /// <summary>What a window starts with.</summary>
    TCompute Initial { get; }

    /// <summary>Whether elements are taken in just as what has been accumulated of others, with <see cref="Combine(Vector{TCompute}, Vector{TCompute})"/>.</summary>
    static virtual bool IsVectorized => false;

    /// <summary>Takes an element, or what has been accumulated of another part, of each of many windows in.</summary>
    static abstract Vector<TCompute> Combine(Vector<TCompute> accumulators, Vector<TCompute> others);

    /// <summary>The same for one window.</summary>
    static abstract TCompute Combine(TCompute accumulator, TCompute other);

    /// <summary>Takes an element of each of many windows in.</summary>
    void Accumulate(Span<TCompute> accumulators, ReadOnlySpan<TCompute> values);

    /// <summary>Takes what has been accumulated of another part of each of many windows in.</summary>
    void Combine(Span<TCompute> accumulators, ReadOnlySpan<TCompute> others);

    /// <summary>What windows of <paramref name="count"/> times <paramref name="counts"/> elements become.</summary>
    void Finish(Span<TCompute> accumulators, ReadOnlySpan<TCompute> counts, TCompute count);
}

/// <summary>Pools windows over up to three spatial dimensions of [N, C, …], row by row.</summary>
/// <remarks>
/// The rows that a window covers are joined first, column by column; then the columns of each window. Both go over whole
/// vectors of neighbouring elements: for strides, the columns are taken apart first, so that what windows have in the same place
/// lies side by side. Windows too wide for that take their elements one after the other.
/// Loops are compiled for speed before their first call: a plan may run only a few times.
/// </remarks>
internal sealed unsafe class PoolingKernel<T, TCompute, TFunction> : RowKernel
    where T : unmanaged, INumber<T>
    where TCompute : unmanaged, INumber<TCompute>
    where TFunction : struct, IPoolingFunction<TCompute>
{
    private const int Chunk = 512;
    private const int Columns = 2 * Chunk;

    // So many rows, or columns of windows, are joined at a time.
    private const int MostLines = 16;

    // The most columns, and the most elements, of windows that are computed at once.
    private const int SmallWidth = 3;
    private const int SmallElements = 9;

    // With larger strides, most columns would be taken apart for nothing.
    private const int LargestPhase = 4;

    private readonly PoolingGeometry _geometry;
    private readonly TFunction _function;
    private readonly long[][] _counts;
    private readonly TCompute[] _countsOfColumns;
    private readonly long _reach;

    // Small windows are computed at once, without a copy of anything.
    private readonly bool _isSmall;
    private readonly long _firstInside;
    private readonly long _endInside;
    private readonly long _endOfVectors;

    /// <summary>Makes the kernel.</summary>
    /// <param name="geometry">The windows.</param>
    /// <param name="function">What to compute.</param>
    /// <param name="includePads">Whether elements in the padding count (as zeros).</param>
    public PoolingKernel(PoolingGeometry geometry, TFunction function, bool includePads)
        : base(geometry.OutputRows, geometry.Output[2] * geometry.WindowElements * sizeof(T))
    {
        _geometry = geometry;
        _function = function;
        _counts = [geometry.Counts(0, includePads), geometry.Counts(1, includePads)];

        // Windows without any element have a sum of 0, whatever it is divided by.
        _countsOfColumns = Array.ConvertAll(geometry.Counts(2, includePads), count => TCompute.CreateTruncating(Math.Max(1, count)));
        _reach = (geometry.Kernel[2] - 1) * geometry.Dilations[2] + 1;
        if (!CanBeSmall || geometry.Dilations[2] != 1 || geometry.Strides[2] > 2 || geometry.Kernel[2] > SmallWidth || geometry.WindowElements > SmallElements || geometry.Output[2] > int.MaxValue)
        {
            return;
        }

        // Where windows lie inside of their rows, and where vectors of them can be read there: pairs of elements, of which the last may be one too many.
        (long stride, long kernel, long pad) = (geometry.Strides[2], geometry.Kernel[2], geometry.PadsBegin[2]);
        long read = stride == 1 ? kernel : kernel + kernel % 2;
        _isSmall = true;
        _firstInside = Math.Clamp((pad + stride - 1) / stride, 0, geometry.Output[2]);
        _endInside = Math.Clamp(FloorDivide(geometry.Input[2] - kernel + pad, stride) + 1, _firstInside, geometry.Output[2]);
        _endOfVectors = Math.Clamp(FloorDivide(geometry.Input[2] - read + pad, stride) + 1, _firstInside, _endInside);
    }

    /// <inheritdoc/>
    public override string Name => KernelNames.Of<TFunction>();

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        Span<TCompute> accumulators = stackalloc TCompute[Columns];
        Span<TCompute> columns = stackalloc TCompute[Columns];
        Span<TCompute> buffer = stackalloc TCompute[Columns + LargestPhase];
        long width = _geometry.Output[2];
        bool isJoined = _reach <= Chunk;
        long chunk = isJoined ? Math.Min(Chunk, (Columns - _reach) / _geometry.Strides[2] + 1) : Chunk;
        for (long row = first; row < end; row++)
        {
            (long rest, long y) = Math.DivRem(row, _geometry.Output[1]);
            (long plane, long z) = Math.DivRem(rest, _geometry.Output[0]);
            T* input = (T*)context.Input(0) + plane * _geometry.InputPlane;
            T* output = (T*)context.Output(0) + row * width;
            TCompute count = TCompute.CreateTruncating(Math.Max(1, _counts[0][z] * _counts[1][y]));
            if (_isSmall && TakeSmall((TCompute*)input, (TCompute*)output, z, y))
            {
                _function.Finish(new Span<TCompute>(output, (int)width), _countsOfColumns, count);
                continue;
            }

            for (long start = 0; start < width; start += chunk)
            {
                int length = (int)Math.Min(chunk, width - start);
                Span<TCompute> results = typeof(T) == typeof(TCompute) ? new Span<TCompute>(output + start, length) : accumulators[..length];
                if (isJoined)
                {
                    long position = _geometry.Position(2, start, 0);
                    Span<TCompute> covered = columns[..(int)((length - 1) * _geometry.Strides[2] + _reach)];
                    JoinRows(input, z, y, position, covered, buffer);
                    JoinColumns(covered, results, buffer);
                }
                else
                {
                    results.Fill(_function.Initial);
                    TakeElements(input, z, y, start, results, columns, buffer);
                }

                _function.Finish(results, _countsOfColumns.AsSpan((int)start, length), count);
                if (typeof(T) != typeof(TCompute))
                {
                    TensorPrimitives.ConvertTruncating<TCompute, T>(results, new Span<T>(output + start, length));
                }
            }
        }
    }

    // A row of small windows; false if they have no rows.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool TakeSmall(TCompute* input, TCompute* output, long z, long y)
    {
        (long firstZ, long endZ) = _geometry.Inside(0, z);
        (long firstY, long endY) = _geometry.Inside(1, y);
        TCompute** lines = stackalloc TCompute*[SmallElements];
        int count = 0;
        for (long kz = firstZ; kz < endZ; kz++)
        {
            for (long ky = firstY; ky < endY; ky++)
            {
                lines[count++] = (TCompute*)Line((T*)input, z, kz, y, ky) - _geometry.PadsBegin[2];
            }
        }

        if (count == 0)
        {
            return false;
        }

        long width = Vector<TCompute>.Count;
        TakeEach(lines, count, output, 0, _firstInside);
        long x = _firstInside;
        if (x + width <= _endOfVectors)
        {
            for (; x + width <= _endOfVectors; x += width)
            {
                TakeVector(lines, count, x).Store(output + x);
            }

            if (x < _endOfVectors)
            {
                // Some results are made twice.
                TakeVector(lines, count, _endOfVectors - width).Store(output + _endOfVectors - width);
                x = _endOfVectors;
            }
        }

        TakeEach(lines, count, output, x, _geometry.Output[2]);
        return true;
    }

    // Windows side by side, all inside of their rows.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector<TCompute> TakeVector(TCompute** lines, int count, long x)
    {
        int width = Vector<TCompute>.Count;
        long kernel = _geometry.Kernel[2];
        if (_geometry.Strides[2] == 1)
        {
            Vector<TCompute> all = Vector.Load(lines[0] + x);
            for (long k = 1; k < kernel; k++)
            {
                all = TFunction.Combine(all, Vector.Load(lines[0] + x + k));
            }

            for (int line = 1; line < count; line++)
            {
                for (long k = 0; k < kernel; k++)
                {
                    all = TFunction.Combine(all, Vector.Load(lines[line] + x + k));
                }
            }

            return all;
        }

        // Lines are joined first, then the elements of each pair, and the first ones of the next pairs.
        Vector<TCompute> low = Vector.Load(lines[0] + 2 * x);
        Vector<TCompute> high = Vector.Load(lines[0] + 2 * x + width);
        for (int line = 1; line < count; line++)
        {
            low = TFunction.Combine(low, Vector.Load(lines[line] + 2 * x));
            high = TFunction.Combine(high, Vector.Load(lines[line] + 2 * x + width));
        }

        Vector<TCompute> result = FirstOfPairs(low, high);
        if (kernel > 1)
        {
            result = TFunction.Combine(result, SecondOfPairs(low, high));
        }

        if (kernel > 2)
        {
            low = Vector.Load(lines[0] + 2 * x + 2);
            high = Vector.Load(lines[0] + 2 * x + 2 + width);
            for (int line = 1; line < count; line++)
            {
                low = TFunction.Combine(low, Vector.Load(lines[line] + 2 * x + 2));
                high = TFunction.Combine(high, Vector.Load(lines[line] + 2 * x + 2 + width));
            }

            result = TFunction.Combine(result, FirstOfPairs(low, high));
        }

        return InOrder(result);
    }

    // Shuffling works on halves of a vector of 256 bits: at the end, what belongs together is moved there.
    private static bool IsShuffled => sizeof(TCompute) == sizeof(float) && Avx2.IsSupported && Vector<byte>.Count == Vector256<byte>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<TCompute> FirstOfPairs(Vector<TCompute> low, Vector<TCompute> high) =>
        IsShuffled ? Vector.As<float, TCompute>(Avx.Shuffle(Vector.As<TCompute, float>(low).AsVector256(), Vector.As<TCompute, float>(high).AsVector256(), 0b10_00_10_00).AsVector()) :
        sizeof(TCompute) == sizeof(float)
            ? Vector.As<uint, TCompute>(Vector.Narrow(Vector.As<TCompute, ulong>(low), Vector.As<TCompute, ulong>(high)))
            : Vector.As<byte, TCompute>(Vector.Narrow(Vector.As<TCompute, ushort>(low), Vector.As<TCompute, ushort>(high)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<TCompute> SecondOfPairs(Vector<TCompute> low, Vector<TCompute> high) =>
        IsShuffled ? Vector.As<float, TCompute>(Avx.Shuffle(Vector.As<TCompute, float>(low).AsVector256(), Vector.As<TCompute, float>(high).AsVector256(), 0b11_01_11_01).AsVector()) :
        sizeof(TCompute) == sizeof(float)
            ? Vector.As<uint, TCompute>(Vector.Narrow(Vector.As<TCompute, ulong>(low) >> 32, Vector.As<TCompute, ulong>(high) >> 32))
            : Vector.As<byte, TCompute>(Vector.Narrow(Vector.As<TCompute, ushort>(low) >> 8, Vector.As<TCompute, ushort>(high) >> 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<TCompute> InOrder(Vector<TCompute> shuffled) =>
        IsShuffled ? Vector.As<ulong, TCompute>(Avx2.Permute4x64(Vector.As<TCompute, ulong>(shuffled).AsVector256(), 0b11_01_10_00).AsVector()) : shuffled;

    // Windows one by one, which may lie partly outside of their rows.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void TakeEach(TCompute** lines, int count, TCompute* output, long first, long end)
    {
        for (long x = first; x < end; x++)
        {
            long start = x * _geometry.Strides[2];
            long from = Math.Max(start, _geometry.PadsBegin[2]);
            long to = Math.Min(start + _geometry.Kernel[2], _geometry.PadsBegin[2] + _geometry.Input[2]);
            TCompute value = _function.Initial;
            for (int line = 0; line < count; line++)
            {
                for (long column = from; column < to; column++)
                {
                    value = TFunction.Combine(value, lines[line][column]);
                }
            }

            output[x] = value;
        }
    }

    // Of each column from "position" on, what the window's rows bring.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void JoinRows(T* input, long z, long y, long position, Span<TCompute> columns, Span<TCompute> buffer)
    {
        columns.Fill(_function.Initial);
        int from = (int)Math.Clamp(-position, 0, columns.Length);
        int to = (int)Math.Clamp(_geometry.Input[2] - position, from, columns.Length);
        if (from == to)
        {
            return;
        }

        (long firstZ, long endZ) = _geometry.Inside(0, z);
        (long firstY, long endY) = _geometry.Inside(1, y);
        TCompute** lines = stackalloc TCompute*[MostLines];
        int count = 0;
        for (long kz = firstZ; kz < endZ; kz++)
        {
            for (long ky = firstY; ky < endY; ky++)
            {
                T* line = Line(input, z, kz, y, ky) + position + from;
                if (!IsVectorized || typeof(T) != typeof(TCompute))
                {
                    _function.Accumulate(columns[from..to], Widen(line, to - from, buffer));
                    continue;
                }

                lines[count++] = (TCompute*)line;
                if (count == MostLines)
                {
                    Join(lines, count, columns[from..to]);
                    count = 0;
                }
            }
        }

        Join(lines, count, columns[from..to]);
    }

    private static bool IsVectorized => TFunction.IsVectorized && Vector<TCompute>.IsSupported;

    // Elements that are computed as they are, and of which pairs are found with vectors.
    private static bool CanBeSmall => IsVectorized && typeof(T) == typeof(TCompute) && sizeof(TCompute) is sizeof(float) or sizeof(byte);

    private static long FloorDivide(long dividend, long divisor) => dividend >= 0 ? dividend / divisor : -((-dividend + divisor - 1) / divisor);

    // Takes elements of several lines into accumulators, which are read and written once.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Join(TCompute** lines, int count, Span<TCompute> accumulators)
    {
        if (count == 0)
        {
            return;
        }

        int width = Vector<TCompute>.Count;
        fixed (TCompute* target = accumulators)
        {
            int i = 0;
            for (; i <= accumulators.Length - 2 * width; i += 2 * width)
            {
                Vector<TCompute> first = Vector.Load(target + i);
                Vector<TCompute> second = Vector.Load(target + i + width);
                for (int k = 0; k < count; k++)
                {
                    first = TFunction.Combine(first, Vector.Load(lines[k] + i));
                    second = TFunction.Combine(second, Vector.Load(lines[k] + i + width));
                }

                first.Store(target + i);
                second.Store(target + i + width);
            }

            for (; i <= accumulators.Length - width; i += width)
            {
                Vector<TCompute> first = Vector.Load(target + i);
                for (int k = 0; k < count; k++)
                {
                    first = TFunction.Combine(first, Vector.Load(lines[k] + i));
                }

                first.Store(target + i);
            }

            for (; i < accumulators.Length; i++)
            {
                TCompute value = target[i];
                for (int k = 0; k < count; k++)
                {
                    value = TFunction.Combine(value, lines[k][i]);
                }

                target[i] = value;
            }
        }
    }

    // Of each window, what its columns bring.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void JoinColumns(Span<TCompute> columns, Span<TCompute> results, Span<TCompute> buffer)
    {
        int stride = (int)Math.Min(_geometry.Strides[2], Columns);
        int dilation = (int)_geometry.Dilations[2];
        int kernel = (int)_geometry.Kernel[2];
        if (stride > LargestPhase)
        {
            Pick(columns, stride, results);
            for (int k = 1; k < kernel; k++)
            {
                Pick(columns[(k * dilation)..], stride, buffer[..results.Length]);
                _function.Combine(results, buffer[..results.Length]);
            }

            return;
        }

        // For each remainder of the stride its columns, one behind the other.
        int phase = (columns.Length + stride - 1) / stride;
        Span<TCompute> parts = stride == 1 ? columns : buffer[..(phase * stride)];
        if (stride > 1)
        {
            TakeApart(columns, stride, phase, parts);
        }

        parts[..results.Length].CopyTo(results);
        if (!IsVectorized)
        {
            for (int k = 1; k < kernel; k++)
            {
                _function.Combine(results, parts.Slice(k * dilation % stride * phase + k * dilation / stride, results.Length));
            }

            return;
        }

        TCompute** lines = stackalloc TCompute*[MostLines];
        fixed (TCompute* first = parts)
        {
            int count = 0;
            for (int k = 1; k < kernel; k++)
            {
                lines[count++] = first + k * dilation % stride * phase + k * dilation / stride;
                if (count == MostLines || k == kernel - 1)
                {
                    Join(lines, count, results);
                    count = 0;
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TakeApart(ReadOnlySpan<TCompute> columns, int stride, int phase, Span<TCompute> parts)
    {
        fixed (TCompute* source = columns, target = parts)
        {
            int done = stride != 2 || !Vector<TCompute>.IsSupported ? 0 :
                sizeof(TCompute) == sizeof(float) ? TakePairsApart((ulong*)source, columns.Length / 2, (uint*)target, (uint*)target + phase) :
                sizeof(TCompute) == sizeof(byte) ? TakePairsApart((ushort*)source, columns.Length / 2, (byte*)target, (byte*)target + phase) : 0;
            for (int k = 0; k < stride; k++)
            {
                TCompute* part = target + k * phase;
                int i = done;
                for (int column = done * stride + k; column < columns.Length; column += stride)
                {
                    part[i++] = source[column];
                }
            }
        }
    }

    // Even and odd elements, vector by vector; returns how many pairs are done.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int TakePairsApart(ulong* pairs, int count, uint* even, uint* odd)
    {
        int i = 0;
        for (; i <= count - Vector<uint>.Count; i += Vector<uint>.Count)
        {
            Vector<ulong> low = Vector.Load(pairs + i);
            Vector<ulong> high = Vector.Load(pairs + i + Vector<ulong>.Count);
            Vector.Narrow(low, high).Store(even + i);
            Vector.Narrow(low >> 32, high >> 32).Store(odd + i);
        }

        return i;
    }

    // The same for bytes.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int TakePairsApart(ushort* pairs, int count, byte* even, byte* odd)
    {
        int i = 0;
        for (; i <= count - Vector<byte>.Count; i += Vector<byte>.Count)
        {
            Vector<ushort> low = Vector.Load(pairs + i);
            Vector<ushort> high = Vector.Load(pairs + i + Vector<ushort>.Count);
            Vector.Narrow(low, high).Store(even + i);
            Vector.Narrow(low >> 8, high >> 8).Store(odd + i);
        }

        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Pick(ReadOnlySpan<TCompute> values, int stride, Span<TCompute> picked)
    {
        for (int i = 0, k = 0; i < picked.Length; i++, k += stride)
        {
            picked[i] = values[k];
        }
    }

    private void TakeElements(T* input, long z, long y, long start, Span<TCompute> results, Span<TCompute> picked, Span<TCompute> buffer)
    {
        (long firstZ, long endZ) = _geometry.Inside(0, z);
        (long firstY, long endY) = _geometry.Inside(1, y);
        long firstX = _geometry.Inside(2, start + results.Length - 1).First;
        long endX = _geometry.Inside(2, start).End;
        for (long kz = firstZ; kz < endZ; kz++)
        {
            for (long ky = firstY; ky < endY; ky++)
            {
                T* source = Line(input, z, kz, y, ky);
                for (long kx = firstX; kx < endX; kx++)
                {
                    TakeElement(source, _geometry.Position(2, start, kx), results, picked, buffer);
                }
            }
        }
    }

    // One element of the windows of a row: strides apart, the first at "position".
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void TakeElement(T* source, long position, Span<TCompute> results, Span<TCompute> picked, Span<TCompute> buffer)
    {
        long stride = _geometry.Strides[2];
        long width = _geometry.Input[2];
        int from = position >= 0 ? 0 : (int)Math.Min(results.Length, (-position + stride - 1) / stride);
        int to = position >= width ? 0 : (int)Math.Min(results.Length, (width - 1 - position) / stride + 1);
        if (from >= to)
        {
            return;
        }

        T* values = source + position + from * stride;
        if (stride == 1)
        {
            _function.Accumulate(results[from..to], Widen(values, to - from, buffer));
            return;
        }

        for (int i = 0; i < to - from; i++, values += stride)
        {
            picked[i] = TCompute.CreateTruncating(*values);
        }

        _function.Accumulate(results[from..to], picked[..(to - from)]);
    }

    private T* Line(T* input, long z, long kz, long y, long ky) =>
        input + (_geometry.Position(0, z, kz) * _geometry.Input[1] + _geometry.Position(1, y, ky)) * _geometry.Input[2];

    private static ReadOnlySpan<TCompute> Widen(T* source, int length, Span<TCompute> buffer)
    {
        if (typeof(T) == typeof(TCompute))
        {
            return new ReadOnlySpan<TCompute>(source, length);
        }

        TensorPrimitives.ConvertTruncating(new ReadOnlySpan<T>(source, length), buffer);
        return buffer[..length];
    }
}

/// <summary>The largest element; NaN if one is.</summary>
internal readonly struct MaximumPooling<T> : IPoolingFunction<T>
    where T : unmanaged, INumber<T>, IMinMaxValue<T>
{
    /// <inheritdoc/>
    public T Initial => MaximumReduction<T>.Initial;

    /// <inheritdoc/>
    public static bool IsVectorized => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Combine(Vector<T> accumulators, Vector<T> others) => MaximumOperation<T>.Invoke(accumulators, others);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Combine(T accumulator, T other) => MaximumOperation<T>.Invoke(accumulator, other);

    /// <inheritdoc/>
    public void Accumulate(Span<T> accumulators, ReadOnlySpan<T> values) => VectorFolding.FoldEach<T, MaximumOperation<T>>(accumulators, values);

    /// <inheritdoc/>
    public void Combine(Span<T> accumulators, ReadOnlySpan<T> others) => VectorFolding.FoldEach<T, MaximumOperation<T>>(accumulators, others);

    /// <inheritdoc/>
    public void Finish(Span<T> accumulators, ReadOnlySpan<T> counts, T count)
    {
    }
}

/// <summary>The mean; 0 of no elements.</summary>
internal readonly struct AveragePooling<T> : IPoolingFunction<T>
    where T : unmanaged, INumber<T>
{
    /// <inheritdoc/>
    public T Initial => T.Zero;

    /// <inheritdoc/>
    public static bool IsVectorized => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Combine(Vector<T> accumulators, Vector<T> others) => accumulators + others;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Combine(T accumulator, T other) => accumulator + other;

    /// <inheritdoc/>
    public void Accumulate(Span<T> accumulators, ReadOnlySpan<T> values) => VectorFolding.FoldEach<T, AdditionOperation<T>>(accumulators, values);

    /// <inheritdoc/>
    public void Combine(Span<T> accumulators, ReadOnlySpan<T> others) => VectorFolding.FoldEach<T, AdditionOperation<T>>(accumulators, others);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Finish(Span<T> accumulators, ReadOnlySpan<T> counts, T count)
    {
        int i = 0;
        if (Vector<T>.IsSupported)
        {
            Span<Vector<T>> vectors = MemoryMarshal.Cast<T, Vector<T>>(accumulators);
            ReadOnlySpan<Vector<T>> divisors = MemoryMarshal.Cast<T, Vector<T>>(counts)[..vectors.Length];
            for (int k = 0; k < vectors.Length; k++)
            {
                vectors[k] /= divisors[k] * count;
            }

            i = vectors.Length * Vector<T>.Count;
        }

        for (; i < accumulators.Length; i++)
        {
            accumulators[i] /= counts[i] * count;
        }
    }
}

/// <summary>The p-th root of the sum of p-th powers of the absolute values.</summary>
internal readonly struct LpPooling(double p) : IPoolingFunction<double>
{
    /// <inheritdoc/>
    public double Initial => 0;

    /// <inheritdoc/>
    public void Accumulate(Span<double> accumulators, ReadOnlySpan<double> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            double value = values[i];
            accumulators[i] += p == 2 ? value * value : p == 1 ? Math.Abs(value) : Math.Pow(Math.Abs(value), p);
        }
    }

    /// <inheritdoc/>
    public void Combine(Span<double> accumulators, ReadOnlySpan<double> others) => VectorFolding.FoldEach<double, AdditionOperation<double>>(accumulators, others);

    /// <inheritdoc/>
    public static Vector<double> Combine(Vector<double> accumulators, Vector<double> others) => accumulators + others;

    /// <inheritdoc/>
    public static double Combine(double accumulator, double other) => accumulator + other;

    /// <inheritdoc/>
    public void Finish(Span<double> accumulators, ReadOnlySpan<double> counts, double count)
    {
        for (int i = 0; i < accumulators.Length && p != 1; i++)
        {
            accumulators[i] = p == 2 ? Math.Sqrt(accumulators[i]) : Math.Pow(accumulators[i], 1 / p);
        }
    }
}
