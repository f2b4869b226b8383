namespace OnnxStream.Interop.Diffusion.RandomSources;

/// <summary>Standard normal numbers which a seed determines to the last bit, on every platform.</summary>
/// <remarks>
/// <para>
/// The bits are those of Philox 4x32 with 10 rounds (Salmon et al. 2011, <see href="https://doi.org/10.1145/2063384.2063405"/>),
/// the seed as key and a block number as counter: neighbouring seeds give unrelated sequences.
/// </para>
/// <para>
/// Each 32-bit number, taken as the middle of one of 2³² equal parts of (0, 1), goes through the inverse of the normal
/// distribution function, in the rational approximation of Wichura (1988, algorithm AS 241, relative error below 1e-15).
/// Box and Muller's method would need sine, cosine and logarithm, which differ in the last bit between mathematical libraries.
/// Here everything is made of + - * / and square roots of doubles, which IEEE 754 defines exactly and which .NET neither reorders
/// nor contracts; the logarithm for the tails is our own series of the same operations.
/// </para>
/// </remarks>
public sealed class PhiloxRandomSource : IRandomSource
{
    private const int Rounds = 10;

    private readonly uint _key0;
    private readonly uint _key1;
    private readonly uint[] _block = new uint[4];
    private ulong _counter;
    private int _used = 4;

    /// <summary>Starts the sequence of a seed.</summary>
    /// <param name="seed">The seed.</param>
    public PhiloxRandomSource(ulong seed)
    {
        _key0 = (uint)seed;
        _key1 = (uint)(seed >> 32);
    }

    /// <inheritdoc/>
    public void NextNormal(Span<float> destination)
    {
        for (int i = 0; i < destination.Length; i++)
        {
            if (_used == _block.Length)
            {
                Philox((uint)_counter, (uint)(_counter >> 32), 0, 0, _key0, _key1, _block);
                _counter++;
                _used = 0;
            }

            destination[i] = (float)Normal(_block[_used++]);
        }
    }

    /// <summary>One block of Philox 4x32-10.</summary>
    internal static void Philox(uint counter0, uint counter1, uint counter2, uint counter3, uint key0, uint key1, Span<uint> block)
    {
        for (int round = 0; round < Rounds; round++)
        {
            ulong product0 = 0xD2511F53UL * counter0;
            ulong product1 = 0xCD9E8D57UL * counter2;
            (counter0, counter1, counter2, counter3) = (
                (uint)(product1 >> 32) ^ counter1 ^ key0,
                (uint)product1,
                (uint)(product0 >> 32) ^ counter3 ^ key1,
                (uint)product0);
            key0 += 0x9E3779B9;
            key1 += 0xBB67AE85;
        }

        block[0] = counter0;
        block[1] = counter1;
        block[2] = counter2;
        block[3] = counter3;
    }

    /// <summary>The normal number below which a fraction (<paramref name="bits"/> + ½) / 2³² of all lie.</summary>
    internal static double Normal(uint bits)
    {
        // Both are exact: 33 significant bits.
        double centred = ((double)bits - 2147483647.5) / 4294967296.0;
        double size = centred < 0 ? -centred : centred;
        if (size <= 0.425)
        {
            double r = 0.180625 - (centred * centred);
            return centred * Ratio(r, CentralNumerator, CentralDenominator);
        }

        double root = Math.Sqrt(-Log(0.5 - size));
        double tail = root <= 5
            ? Ratio(root - 1.6, MiddleNumerator, MiddleDenominator)
            : Ratio(root - 5, FarNumerator, FarDenominator);
        return centred < 0 ? -tail : tail;
    }

    /// <summary>The natural logarithm of a normal positive number, to about 1e-16, from IEEE 754's exact operations.</summary>
    internal static double Log(double value)
    {
        const double Ln2 = 0.693147180559945309417232121458;
        const double SquareRootOfHalf = 0.707106781186547524400844362105;
        const int Terms = 13;

        // value = mantissa · 2^exponent with the mantissa between √½ and √2; ln(mantissa) = 2 artanh((m - 1) / (m + 1)).
        long bits = BitConverter.DoubleToInt64Bits(value);
        int exponent = (int)(bits >> 52) - 1022;
        double mantissa = BitConverter.Int64BitsToDouble((bits & 0x000FFFFFFFFFFFFF) | 0x3FE0000000000000);
        if (mantissa < SquareRootOfHalf)
        {
            mantissa += mantissa;
            exponent--;
        }

        double s = (mantissa - 1) / (mantissa + 1);
        double square = s * s;
        double sum = 0;
        for (int k = Terms - 1; k >= 0; k--)
        {
            sum = (sum * square) + (1.0 / ((2 * k) + 1));
        }

        return (exponent * Ln2) + (2 * s * sum);
    }

    private static double Ratio(double x, ReadOnlySpan<double> numerator, ReadOnlySpan<double> denominator) =>
        Polynomial(x, numerator) / Polynomial(x, denominator);

    private static double Polynomial(double x, ReadOnlySpan<double> coefficients)
    {
        double value = 0;
        for (int i = coefficients.Length - 1; i >= 0; i--)
        {
            value = (value * x) + coefficients[i];
        }

        return value;
    }

    // The coefficients of AS 241 (PPND16), the constant first.
    private static ReadOnlySpan<double> CentralNumerator =>
    [
        3.3871328727963666080e0, 1.3314166789178437745e+2, 1.9715909503065514427e+3, 1.3731693765509461125e+4,
        4.5921953931549871457e+4, 6.7265770927008700853e+4, 3.3430575583588128105e+4, 2.5090809287301226727e+3,
    ];

    private static ReadOnlySpan<double> CentralDenominator =>
    [
        1, 4.2313330701600911252e+1, 6.8718700749205790830e+2, 5.3941960214247511077e+3,
        2.1213794301586595867e+4, 3.9307895800092710610e+4, 2.8729085735721942674e+4, 5.2264952788528545610e+3,
    ];

    private static ReadOnlySpan<double> MiddleNumerator =>
    [
        1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
        1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4,
    ];

    private static ReadOnlySpan<double> MiddleDenominator =>
    [
        1, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
        1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9,
    ];

    private static ReadOnlySpan<double> FarNumerator =>
    [
        6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
        2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
    ];

    private static ReadOnlySpan<double> FarDenominator =>
    [
        1, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
        7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15,
    ];
}
