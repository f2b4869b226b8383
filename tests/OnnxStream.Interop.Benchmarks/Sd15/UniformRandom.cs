namespace OnnxStream.Interop.Benchmarks.Sd15;

/// <summary>Uniform random numbers that are the same on every machine and fast enough for a billion weights.</summary>
/// <remarks>
/// The generator is SplitMix64 (https://prng.di.unimi.it/splitmix64.c). <see cref="Random"/> with a seed is several times
/// slower, and what it returns is .NET's to change.
/// </remarks>
internal struct UniformRandom(ulong seed)
{
    // Two numbers of 24 bits, all that a single holds, come from one of 64.
    private const int Bits = 24;
    private ulong _state = seed;

    /// <summary>Fills a span with draws from a distribution.</summary>
    public void Fill(Span<float> destination, Distribution distribution)
    {
        // Uniform from -r to r has the standard deviation r / sqrt(3).
        float radius = distribution.Deviation * MathF.Sqrt(3);
        float step = 2 * radius / (1 << Bits);
        float low = distribution.Mean - radius;
        int i = 0;
        for (; i + 1 < destination.Length; i += 2)
        {
            ulong bits = Next();
            destination[i] = low + step * (bits >> (64 - Bits));
            destination[i + 1] = low + step * (bits & ((1 << Bits) - 1));
        }

        if (i < destination.Length)
        {
            destination[i] = low + step * (Next() >> (64 - Bits));
        }
    }

    private ulong Next()
    {
        _state += 0x9E3779B97F4A7C15;
        ulong bits = _state;
        bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9;
        bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB;
        return bits ^ (bits >> 31);
    }
}
