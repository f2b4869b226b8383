namespace OnnxStream.Interop.Language.Sampling;

/// <summary>Numbers that a seed decides, the same on every machine: SplitMix64 (Steele, Lea and Flood, 2014, https://doi.org/10.1145/2714064.2660195).</summary>
internal sealed class RandomNumbers(ulong seed)
{
    private ulong _state = seed;

    /// <summary>The next number: at least 0, less than 1.</summary>
    public double Next()
    {
        ulong z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return ((z ^ (z >> 31)) >> 11) * (1.0 / (1UL << 53));
    }
}
