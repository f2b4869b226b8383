using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Panels;

/// <summary>Rows of data in 8 bits, each with a scale and a zero point of its own, as XNNPACK's qd8 operators read them.</summary>
/// <remarks>
/// <para>
/// In memory: the distance from the start to the elements, then a scale and a zero point for each row and for <see cref="ParametersPastEnd"/> more, then the
/// elements. A number x is (q - zero point) · scale. The range of a row always includes 0, so that padding and zeros are exact.
/// </para>
/// <para>A row with a NaN or an infinity has the scale NaN: each of its results is NaN.</para>
/// </remarks>
internal static unsafe class QuantizedRows
{
    // XNNPACK's kernels read parameters for whole tiles of rows: up to 15 too many.
    private const int ParametersPastEnd = 16;
    private const int HeaderBytes = CountedMemory.Alignment;

    // Elements that a thread converts at a time: they stay in its cache from the search for the range until they are converted.
    private const long PieceElements = 32 << 10;

    // XNNPACK's own rule for the scale: 255 steps from the least to the greatest.
    private const float Steps = 255;
    private const float Smallest = 1.17549435e-38f;
    private const float Magic = 12582912; // 1.5 * 2^23: adding it rounds to the nearest integer, ties to even
    private const int MagicBits = 0x4B400000;

    /// <summary>The memory that rows take.</summary>
    /// <param name="rows">How many.</param>
    /// <param name="elements">The elements of all of them.</param>
    public static long Bytes(long rows, long elements) => HeaderBytes + ParameterBytes(rows) + CountedMemory.Align(elements + XnnpackLibrary.ReadPastEnd);

    /// <summary>The elements of rows that have been written.</summary>
    public static sbyte* Elements(byte* memory) => (sbyte*)(memory + *(long*)memory);

    /// <summary>The scale and zero point of each row.</summary>
    public static xnn_quantization_params* Parameters(byte* memory) => (xnn_quantization_params*)(memory + HeaderBytes);

    /// <summary>Quantizes rows.</summary>
    /// <param name="memory">Memory of <see cref="Bytes"/>.</param>
    /// <param name="data">The first row.</param>
    /// <param name="rows">How many.</param>
    /// <param name="length">The elements of a row.</param>
    /// <param name="stride">The elements from a row to the next.</param>
    /// <param name="workers">The threads; null for the calling one.</param>
    public static void Write(byte* memory, float* data, long rows, long length, long stride, WorkerPool? workers)
    {
        Begin(memory, rows);
        if (length > PieceElements)
        {
            for (long row = 0; row < rows; row++)
            {
                Parameters(memory)[row] = FindParameters(data + row * stride, length, workers);
                new Conversion(Parameters(memory)[row], data + row * stride, Elements(memory) + row * length, length).Run(workers);
            }
        }
        else
        {
            new Rows(memory, data, rows, length, stride).Run(workers);
        }

        End(memory, rows);
    }

    /// <summary>Quantizes rows that are made one by one, twice each, as one row: with one scale and zero point.</summary>
    /// <param name="memory">Memory of <see cref="Bytes"/> for one row.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="row">Memory for one of them.</param>
    public static void Write(byte* memory, IRowReader rows, float* row)
    {
        Begin(memory, 1);
        ValueRange range = new(0, 0, true);
        for (int i = 0; i < rows.RowCount; i++)
        {
            rows.ReadRow(i, row);
            range = range.With(FindRange(row, rows.RowLength));
        }

        xnn_quantization_params parameters = Choose(range);
        Parameters(memory)[0] = parameters;
        for (int i = 0; i < rows.RowCount; i++)
        {
            rows.ReadRow(i, row);
            Convert(parameters, row, Elements(memory) + (long)i * rows.RowLength, rows.RowLength);
        }

        End(memory, 1);
    }

    /// <summary>Quantizes images and doubles their height and width: each pixel becomes four.</summary>
    /// <param name="memory">Memory of <see cref="Bytes"/> for the doubled images, a row for each image.</param>
    /// <param name="data">The images before they are doubled.</param>
    /// <param name="doubled">The shape of the doubled images: [N,H,W,C].</param>
    /// <param name="workers">The threads; null for the calling one.</param>
    public static void WriteDoubled(byte* memory, float* data, Shape doubled, WorkerPool? workers)
    {
        Begin(memory, doubled[0]);
        long length = doubled.Product(1, 4) / 4;
        for (long image = 0; image < doubled[0]; image++)
        {
            Parameters(memory)[image] = FindParameters(data + image * length, length, workers);
            new Doubling(Parameters(memory)[image], data + image * length, Elements(memory) + image * 4 * length, doubled).Run(workers);
        }

        End(memory, doubled[0]);
    }

    /// <summary>Takes rows that are 8-bit integers already. Those that have a sign stay where they are.</summary>
    /// <param name="memory">Memory of <see cref="Bytes"/>.</param>
    /// <param name="data">The integers of all rows, which lie behind each other; followed by <see cref="XnnpackLibrary.ReadPastEnd"/> readable bytes.</param>
    /// <param name="isUnsigned">Whether they have no sign; 128 is taken away from them then.</param>
    /// <param name="rows">How many rows.</param>
    /// <param name="elements">The elements of all of them.</param>
    /// <param name="parameters">The scale of all rows, and their zero point, with the same 128 taken away.</param>
    /// <param name="workers">The threads; null for the calling one.</param>
    public static void Take(byte* memory, byte* data, bool isUnsigned, long rows, long elements, xnn_quantization_params parameters, WorkerPool? workers)
    {
        Begin(memory, rows);
        if (isUnsigned)
        {
            new Flipping(data, (byte*)Elements(memory), elements).Run(workers);
        }
        else
        {
            *(long*)memory = data - memory;
        }

        Fill(memory, rows, parameters);
    }

    /// <summary>Says where the elements of rows go that share their scale and zero point, and writes those.</summary>
    /// <param name="memory">Memory of <see cref="Bytes"/>.</param>
    /// <param name="rows">How many rows.</param>
    /// <param name="parameters">The scale and zero point of all rows.</param>
    public static sbyte* Begin(byte* memory, long rows, xnn_quantization_params parameters)
    {
        Begin(memory, rows);
        Fill(memory, rows, parameters);
        return Elements(memory);
    }

    private static void Fill(byte* memory, long rows, xnn_quantization_params parameters) =>
        new Span<xnn_quantization_params>(Parameters(memory), checked((int)(rows + ParametersPastEnd))).Fill(parameters);

    /// <summary>Takes 128 away from bytes without a sign, or gives it back: their upper bit becomes the other one.</summary>
    /// <param name="source">The bytes.</param>
    /// <param name="destination">Receives as many; may be the same.</param>
    /// <param name="count">How many.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FlipSigns(byte* source, byte* destination, long count)
    {
        const byte Sign = 0x80;
        long i = 0;
        for (; i <= count - Vector<byte>.Count; i += Vector<byte>.Count)
        {
            (Vector.Load(source + i) ^ new Vector<byte>(Sign)).Store(destination + i);
        }

        for (; i < count; i++)
        {
            destination[i] = (byte)(source[i] ^ Sign);
        }
    }

    private static long ParameterBytes(long rows) => CountedMemory.Align((rows + ParametersPastEnd) * sizeof(xnn_quantization_params));

    private static void Begin(byte* memory, long rows) => *(long*)memory = HeaderBytes + ParameterBytes(rows);

    // What kernels read past the end is the last row's: some of them write there as well.
    private static void End(byte* memory, long rows)
    {
        xnn_quantization_params* parameters = Parameters(memory);
        for (int i = 0; i < ParametersPastEnd; i++)
        {
            parameters[rows + i] = parameters[rows - 1];
        }
    }

    private static xnn_quantization_params FindParameters(float* data, long length, WorkerPool? workers)
    {
        RangeSearch search = new(data, length);
        search.Run(workers);
        return Choose(search.Range);
    }

    private static xnn_quantization_params Choose(ValueRange range)
    {
        if (!range.IsFinite)
        {
            return new xnn_quantization_params { zero_point = 0, scale = float.NaN };
        }

        // The largest numbers would overflow if they were subtracted first.
        float scale = MathF.Max(range.High / Steps - range.Low / Steps, Smallest);
        float zeroPoint = Math.Clamp(MathF.Round(sbyte.MinValue - range.Low / scale), sbyte.MinValue, sbyte.MaxValue);
        return new xnn_quantization_params { zero_point = (int)zeroPoint, scale = scale };
    }

    /// <summary>The least and the greatest of some numbers, 0 among them.</summary>
    /// <param name="data">The numbers.</param>
    /// <param name="length">How many.</param>
    /// <param name="low">Receives the least.</param>
    /// <param name="high">Receives the greatest.</param>
    /// <returns>Whether all are finite; otherwise the range is not that of all.</returns>
    public static bool TryFindRange(float* data, long length, out float low, out float high)
    {
        ValueRange range = FindRange(data, length);
        (low, high) = (range.Low, range.High);
        return range.IsFinite;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static ValueRange FindRange(float* data, long length)
    {
        float low = 0;
        float high = 0;

        // An infinity or NaN times 0 is NaN, and NaN stays in a sum.
        float poison = 0;
        long i = 0;
        if (Vector512.IsHardwareAccelerated && length >= Vector512<float>.Count)
        {
            Vector512<float> lows = Vector512<float>.Zero;
            Vector512<float> highs = Vector512<float>.Zero;
            Vector512<float> poisons = Vector512<float>.Zero;
            for (; i <= length - Vector512<float>.Count; i += Vector512<float>.Count)
            {
                Vector512<float> values = Vector512.Load(data + i);
                lows = Vector512.MinNative(lows, values);
                highs = Vector512.MaxNative(highs, values);
                poisons = Vector512.FusedMultiplyAdd(values, Vector512<float>.Zero, poisons);
            }

            for (int lane = 0; lane < Vector512<float>.Count; lane++)
            {
                low = MathF.Min(low, lows[lane]);
                high = MathF.Max(high, highs[lane]);
            }

            poison = Vector512.Sum(poisons);
        }
        else if (Vector.IsHardwareAccelerated)
        {
            Vector<float> lows = Vector<float>.Zero;
            Vector<float> highs = Vector<float>.Zero;
            Vector<float> poisons = Vector<float>.Zero;
            for (; i <= length - Vector<float>.Count; i += Vector<float>.Count)
            {
                Vector<float> values = Vector.Load(data + i);
                lows = Vector.MinNative(lows, values);
                highs = Vector.MaxNative(highs, values);
                poisons += values * Vector<float>.Zero;
            }

            for (int lane = 0; lane < Vector<float>.Count; lane++)
            {
                low = MathF.Min(low, lows[lane]);
                high = MathF.Max(high, highs[lane]);
            }

            poison = Vector.Sum(poisons);
        }

        for (; i < length; i++)
        {
            low = MathF.Min(low, data[i]);
            high = MathF.Max(high, data[i]);
            poison += data[i] * 0;
        }

        return new ValueRange(low, high, float.IsFinite(poison) && float.IsFinite(low) && float.IsFinite(high));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Convert(xnn_quantization_params parameters, float* data, sbyte* elements, long length)
    {
        float factor = 1 / parameters.scale;
        float zeroPoint = parameters.zero_point;
        long i = 0;
        if (Avx512F.IsSupported)
        {
            Vector512<float> factors = Vector512.Create(factor);
            Vector512<float> zeroPoints = Vector512.Create(zeroPoint);
            for (; i <= length - Vector512<float>.Count; i += Vector512<float>.Count)
            {
                Vector512<float> scaled = Avx512F.FusedMultiplyAdd(Vector512.Load(data + i), factors, zeroPoints);
                Avx512F.ConvertToVector128SByteWithSaturation(Avx512F.ConvertToVector512Int32(scaled)).Store(elements + i);
            }
        }
        else if (Vector.IsHardwareAccelerated)
        {
            Vector<float> factors = new(factor);
            Vector<float> zeroPoints = new(zeroPoint);
            int step = Vector<float>.Count;
            for (; i <= length - Vector<sbyte>.Count; i += Vector<sbyte>.Count)
            {
                Vector<short> first = Vector.Narrow(Round(data + i, factors, zeroPoints), Round(data + i + step, factors, zeroPoints));
                Vector<short> second = Vector.Narrow(Round(data + i + 2 * step, factors, zeroPoints), Round(data + i + 3 * step, factors, zeroPoints));
                Vector.Narrow(first, second).Store(elements + i);
            }
        }

        for (; i < length; i++)
        {
            float scaled = Math.Clamp(data[i] * factor + zeroPoint, sbyte.MinValue, sbyte.MaxValue);
            elements[i] = float.IsNaN(scaled) ? (sbyte)0 : (sbyte)MathF.Round(scaled);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<int> Round(float* data, Vector<float> factors, Vector<float> zeroPoints)
    {
        Vector<float> scaled = Vector.Load(data) * factors + zeroPoints;
        Vector<float> limited = Vector.MinNative(Vector.MaxNative(scaled, new Vector<float>(sbyte.MinValue)), new Vector<float>(sbyte.MaxValue));
        return Vector.AsVectorInt32(limited + new Vector<float>(Magic)) - new Vector<int>(MagicBits);
    }

    // The least and the greatest number of some data, 0 among them.
    private readonly record struct ValueRange(float Low, float High, bool IsFinite)
    {
        public ValueRange With(ValueRange other) => new(MathF.Min(Low, other.Low), MathF.Max(High, other.High), IsFinite && other.IsFinite);
    }

    // What is done in pieces, by all threads or by one.
    private abstract class Pieces(long length, long pieceLength) : IParallelBody
    {
        public void Run(WorkerPool? workers)
        {
            int count = checked((int)((length + pieceLength - 1) / pieceLength));
            if (workers is not null && count > 1)
            {
                workers.Parallelize(this, count);
                return;
            }

            for (int i = 0; i < count; i++)
            {
                Execute(i);
            }
        }

        public void Execute(int index) => Execute(index * pieceLength, Math.Min(pieceLength, length - index * pieceLength));

        protected abstract void Execute(long first, long count);
    }

    private sealed class RangeSearch(float* data, long length) : Pieces(length, PieceElements)
    {
        private readonly Lock _lock = new();

        public ValueRange Range { get; private set; } = new(0, 0, true);

        protected override void Execute(long first, long count)
        {
            ValueRange found = FindRange(data + first, count);
            lock (_lock)
            {
                Range = Range.With(found);
            }
        }
    }

    private sealed class Conversion(xnn_quantization_params parameters, float* data, sbyte* elements, long length) : Pieces(length, PieceElements)
    {
        protected override void Execute(long first, long count) => Convert(parameters, data + first, elements + first, count);
    }

    private sealed class Flipping(byte* source, byte* destination, long length) : Pieces(length, PieceElements)
    {
        protected override void Execute(long first, long count) => FlipSigns(source + first, destination + first, count);
    }

    private sealed class Rows(byte* memory, float* data, long rows, long length, long stride) : Pieces(rows, Math.Max(1, PieceElements / length))
    {
        protected override void Execute(long first, long count)
        {
            for (long row = first; row < first + count; row++)
            {
                xnn_quantization_params parameters = Choose(FindRange(data + row * stride, length));
                Parameters(memory)[row] = parameters;
                Convert(parameters, data + row * stride, Elements(memory) + row * length, length);
            }
        }
    }

    // Lines of an image, each of which becomes two.
    private sealed class Doubling(xnn_quantization_params parameters, float* data, sbyte* elements, Shape doubled)
        : Pieces(doubled[1] / 2, Math.Max(1, PieceElements / Math.Max(1, doubled[2] * doubled[3])))
    {
        protected override void Execute(long first, long count)
        {
            long channels = doubled[3];
            long line = doubled[2] * channels;
            for (long row = first; row < first + count; row++)
            {
                sbyte* target = elements + row * 2 * line;

                // The quantized line takes the second half of its place; pixels are doubled from its start on, behind which nothing unread is written.
                sbyte* single = target + line / 2;
                Convert(parameters, data + row * line / 2, single, line / 2);
                for (long pixel = 0; pixel < doubled[2] / 2; pixel++)
                {
                    Buffer.MemoryCopy(single + pixel * channels, target + 2 * pixel * channels, channels, channels);
                    Buffer.MemoryCopy(target + 2 * pixel * channels, target + (2 * pixel + 1) * channels, channels, channels);
                }

                Buffer.MemoryCopy(target, target + line, line, line);
            }
        }
    }
}
