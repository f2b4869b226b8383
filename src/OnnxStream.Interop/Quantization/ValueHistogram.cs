using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Quantization;

/// <summary>How often numbers of which sizes were seen, for a range that need not be known beforehand.</summary>
/// <remarks>
/// Equally wide bins cover everything between two powers of two, one the negative of the other. A larger number doubles the range, and pairs of bins become one: numbers are
/// rounded down to multiples of a power of two, so that it does not matter when. Only integers are counted. So the result is the same whatever the order
/// of the parts, and whoever shows them.
/// </remarks>
internal sealed class ValueHistogram : IValueObserver
{
    /// <summary>The number of bins: half of them for negative numbers.</summary>
    public const int BinCount = 4096;

    /// <summary>The bytes that a histogram takes, nearly.</summary>
    public const long Bytes = BinCount * sizeof(long) + 128;

    private const int Zero = BinCount / 2;
    private const int ZeroBits = 11;

    // 2^-100: smaller ranges are of numbers that nobody tells from 0.
    private const int LeastExponent = -100;

    private readonly long[] _counts = new long[BinCount];
    private readonly Lock _lock = new();
    private int _exponent = LeastExponent;

    /// <summary>How many numbers were seen, those that are not finite excepted.</summary>
    public long Count { get; private set; }

    /// <summary>How many were NaN or infinite.</summary>
    public long NotFiniteCount { get; private set; }

    /// <summary>The smallest; infinity if there was none.</summary>
    public float Minimum { get; private set; } = float.PositiveInfinity;

    /// <summary>The largest; minus infinity if there was none.</summary>
    public float Maximum { get; private set; } = float.NegativeInfinity;

    /// <summary>The width of a bin.</summary>
    public double Width => Math.ScaleB(1, _exponent - ZeroBits);

    /// <summary>The numbers in each bin, from the most negative ones on.</summary>
    public ReadOnlySpan<long> Counts => _counts;

    /// <summary>The lower edge of a bin; the upper one is that of the next.</summary>
    public double Edge(int bin) => (bin - Zero) * Width;

    /// <inheritdoc/>
    public void Observe(ReadOnlySpan<float> elements)
    {
        if (elements.IsEmpty)
        {
            return;
        }

        float least = TensorPrimitives.Min(elements);
        float greatest = TensorPrimitives.Max(elements);
        if (float.IsFinite(least) && float.IsFinite(greatest))
        {
            Add(elements, least, greatest);
            return;
        }

        float[] finite = new float[elements.Length];
        int count = 0;
        foreach (float element in elements)
        {
            if (float.IsFinite(element))
            {
                finite[count++] = element;
            }
        }

        lock (_lock)
        {
            NotFiniteCount += elements.Length - count;
        }

        Observe(finite.AsSpan(0, count));
    }

    private void Add(ReadOnlySpan<float> elements, float least, float greatest)
    {
        float farthest = MathF.Max(MathF.Abs(least), MathF.Abs(greatest));
        int exponent = farthest == 0 ? LeastExponent : Math.Max(LeastExponent, MathF.ILogB(farthest) + 1);
        Span<int> counts = stackalloc int[BinCount];
        counts.Clear();
        CountInto(counts, elements, MathF.ScaleB(1, ZeroBits - exponent));
        lock (_lock)
        {
            if (exponent > _exponent)
            {
                Widen(exponent - _exponent);
                _exponent = exponent;
            }

            int shift = Math.Min(_exponent - exponent, ZeroBits + 1);
            for (int bin = 0; bin < counts.Length; bin++)
            {
                _counts[Shifted(bin, shift)] += counts[bin];
            }

            Count += elements.Length;
            Minimum = MathF.Min(Minimum, least);
            Maximum = MathF.Max(Maximum, greatest);
        }
    }

    private void Widen(int doublings)
    {
        long[] narrow = [.. _counts];
        Array.Clear(_counts);
        for (int bin = 0; bin < narrow.Length; bin++)
        {
            _counts[Shifted(bin, Math.Min(doublings, ZeroBits + 1))] += narrow[bin];
        }
    }

    // The bin after so many doublings: it is rounded down, as the numbers are.
    private static int Shifted(int bin, int doublings) => Zero + ((bin - Zero) >> doublings);

    // The product with a power of two is exact, unless it is too small for a number: then it is below 0, or not, all the same.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CountInto(Span<int> counts, ReadOnlySpan<float> elements, float factor)
    {
        int i = 0;
        Vector256<int> zero = Vector256.Create(Zero);
        for (; i <= elements.Length - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            Vector256<float> numbers = Vector256.Create(elements[i..]);
            Vector256<float> scaled = numbers * factor;
            Vector256<float> vanished = Vector256.LessThan(numbers, Vector256<float>.Zero) & Vector256.Equals(scaled, Vector256<float>.Zero);
            Vector256<int> bins = Vector256.ConvertToInt32(Vector256.Floor(scaled)) + zero + vanished.AsInt32();
            counts[bins[0]]++;
            counts[bins[1]]++;
            counts[bins[2]]++;
            counts[bins[3]]++;
            counts[bins[4]]++;
            counts[bins[5]]++;
            counts[bins[6]]++;
            counts[bins[7]]++;
        }

        for (; i < elements.Length; i++)
        {
            float scaled = elements[i] * factor;
            counts[Zero + (int)MathF.Floor(scaled) - (elements[i] < 0 && scaled == 0 ? 1 : 0)]++;
        }
    }
}
