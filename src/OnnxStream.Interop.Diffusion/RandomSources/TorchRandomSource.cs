namespace OnnxStream.Interop.Diffusion.RandomSources;

/// <summary>The standard normal numbers that PyTorch's generator for processors gives for a seed (<c>torch.manual_seed</c>, <c>torch.randn</c>).</summary>
/// <remarks>
/// Bits are those of the Mersenne Twister MT19937 (Matsumoto and Nishimura 1998, <see href="https://doi.org/10.1145/272991.272995"/>),
/// normal numbers those of Box and Muller: 16 at a time from 24 bits each where a tensor has at least 16 elements, else one by one
/// from 53 bits. PyTorch's vector code approximates the logarithm, sine and cosine, so that the last digits differ (by about 1e-6).
/// </remarks>
public sealed class TorchRandomSource : IRandomSource
{
    private const int Length = 624, Middle = 397, Group = 16;

    private readonly uint[] _state = new uint[Length];
    private int _used = Length;
    private double? _spare;

    /// <summary>Starts the sequence of a seed.</summary>
    /// <param name="seed">The seed; PyTorch's generator takes its lower 32 bits.</param>
    public TorchRandomSource(ulong seed)
    {
        _state[0] = (uint)seed;
        for (uint i = 1; i < Length; i++)
        {
            uint last = _state[i - 1];
            _state[i] = unchecked((1812433253 * (last ^ (last >> 30))) + i);
        }
    }

    /// <inheritdoc/>
    /// <remarks>One call is one tensor: numbers of a tensor depend on how many it has.</remarks>
    public void NextNormal(Span<float> destination)
    {
        if (destination.Length < Group)
        {
            foreach (ref float value in destination)
            {
                value = (float)NextDouble();
            }

            return;
        }

        foreach (ref float value in destination)
        {
            value = NextUniform();
        }

        for (int i = 0; i + Group <= destination.Length; i += Group)
        {
            Transform(destination.Slice(i, Group));
        }

        // What does not fill a group: the last sixteen are drawn anew.
        if (destination.Length % Group != 0)
        {
            Span<float> last = destination[^Group..];
            foreach (ref float value in last)
            {
                value = NextUniform();
            }

            Transform(last);
        }
    }

    private static void Transform(Span<float> numbers)
    {
        for (int i = 0; i < Group / 2; i++)
        {
            float radius = MathF.Sqrt(-2 * MathF.Log(1 - numbers[i]));
            (float sine, float cosine) = MathF.SinCos(2 * MathF.PI * numbers[i + (Group / 2)]);
            numbers[i] = radius * cosine;
            numbers[i + (Group / 2)] = radius * sine;
        }
    }

    private float NextUniform() => (NextBits() & 0xFFFFFF) * (1f / (1 << 24));

    private double NextDouble()
    {
        if (_spare is { } spare)
        {
            _spare = null;
            return spare;
        }

        double angle = 2 * Math.PI * NextUniformDouble();
        double part = NextUniformDouble();
        double radius = Math.Sqrt(-2 * Math.Log(1 - part));
        _spare = radius * Math.Sin(angle);
        return radius * Math.Cos(angle);
    }

    private double NextUniformDouble()
    {
        ulong high = NextBits();
        return (((high << 32) | NextBits()) & ((1UL << 53) - 1)) * (1.0 / (1UL << 53));
    }

    private uint NextBits()
    {
        if (_used == Length)
        {
            for (int i = 0; i < Length; i++)
            {
                uint joined = (_state[i] & 0x80000000) | (_state[(i + 1) % Length] & 0x7FFFFFFF);
                _state[i] = _state[(i + Middle) % Length] ^ (joined >> 1) ^ ((joined & 1) != 0 ? 0x9908B0DF : 0);
            }

            _used = 0;
        }

        uint bits = _state[_used++];
        bits ^= bits >> 11;
        bits ^= (bits << 7) & 0x9D2C5680;
        bits ^= (bits << 15) & 0xEFC60000;
        return bits ^ (bits >> 18);
    }
}
