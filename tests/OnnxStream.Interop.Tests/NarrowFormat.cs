namespace OnnxStream.Interop.Tests;

/// <summary>What ONNX's specification says about 8-bit and 4-bit floats, in plain loops over its tables.</summary>
/// <remarks>https://onnx.ai/onnx/technical/float8.html, https://onnx.ai/onnx/technical/float4.html, https://onnx.ai/onnx/operators/onnx__Cast.html.</remarks>
internal static class NarrowFormat
{
    /// <summary>The types.</summary>
    public static readonly ElementType[] Types =
    [
        ElementType.Float8E4M3FN, ElementType.Float8E4M3FNUZ, ElementType.Float8E5M2, ElementType.Float8E5M2FNUZ, ElementType.Float4E2M1, ElementType.Float8E8M0,
    ];

    /// <summary>The types of integers that have fewer bits than a byte, with their ranges.</summary>
    public static readonly (ElementType Type, int Least, int Most)[] Integers = [(ElementType.Int4, -8, 7), (ElementType.UInt4, 0, 15), (ElementType.Int2, -2, 1), (ElementType.UInt2, 0, 3)];

    /// <summary>The number of a code.</summary>
    public static double Number(ElementType type, int code)
    {
        int mantissaBits = type is ElementType.Float8E4M3FN or ElementType.Float8E4M3FNUZ ? 3 : 2;
        switch (type)
        {
            case ElementType.Float4E2M1:
                double[] table = [0, 0.5, 1, 1.5, 2, 3, 4, 6];
                return (code & 8) != 0 ? -table[code & 7] : table[code & 7];
            case ElementType.Float8E8M0:
                return code == 255 ? double.NaN : Math.Pow(2, code - 127);
            case ElementType.Float8E4M3FN when (code & 0x7F) == 0x7F:
            case ElementType.Float8E4M3FNUZ or ElementType.Float8E5M2FNUZ when code == 0x80:
            case ElementType.Float8E5M2 when (code & 0x7F) > 0x7C:
                return double.NaN;
            case ElementType.Float8E5M2 when (code & 0x7F) == 0x7C:
                return code == 0x7C ? double.PositiveInfinity : double.NegativeInfinity;
        }

        int bias = type switch { ElementType.Float8E4M3FN => 7, ElementType.Float8E4M3FNUZ => 8, ElementType.Float8E5M2 => 15, _ => 16 };
        int exponent = (code & 0x7F) >> mantissaBits;
        double fraction = (code & ((1 << mantissaBits) - 1)) / Math.Pow(2, mantissaBits);
        double size = exponent == 0 ? fraction * Math.Pow(2, 1 - bias) : (1 + fraction) * Math.Pow(2, exponent - bias);
        return code >= 128 ? -size : size;
    }

    /// <summary>The code of a number, by looking at all codes.</summary>
    /// <param name="type">The type.</param>
    /// <param name="number">The number.</param>
    /// <param name="saturates">The attribute of Cast.</param>
    /// <param name="roundMode">The attribute of Cast.</param>
    public static int Code(ElementType type, double number, bool saturates = true, string roundMode = "up") =>
        type == ElementType.Float8E8M0 ? ScaleCode(number, saturates, roundMode) : FloatCode(type, number, saturates);

    /// <summary>Numbers that show what rounding does: all codes' own, the middles between them and their neighbours in double precision, what is beyond, and what has no digits.</summary>
    public static double[] Numbers(ElementType type)
    {
        double[] codes = [.. Enumerable.Range(0, 256).Select(code => Number(type, code)).Where(double.IsFinite).Distinct().Order()];
        double[] middles = [.. codes.Zip(codes.Skip(1), (a, b) => (a + b) / 2)];

        // Where the number after the largest one would be.
        double beyond = codes[^1] + (codes[^1] - codes[^2]);
        double[] edges = [.. codes, .. middles, beyond, (codes[^1] + beyond) / 2, -beyond, -(codes[^1] + beyond) / 2];
        return
        [
            .. edges.SelectMany(edge => new[] { edge, Math.BitIncrement(edge), Math.BitDecrement(edge), edge * (1 + 1e-7), edge * (1 - 1e-7) }),
            0, -0.0, double.NaN, -double.NaN, double.PositiveInfinity, double.NegativeInfinity, double.Epsilon, -double.Epsilon, float.Epsilon, 1e-310, double.MaxValue, -double.MaxValue, float.MaxValue, 1e30, 1e300, -1e300,
        ];
    }

    private static int FloatCode(ElementType type, double number, bool saturates)
    {
        int sign = type == ElementType.Float4E2M1 ? 8 : 128;
        int largest = type switch { ElementType.Float8E4M3FN => 0x7E, ElementType.Float8E5M2 => 0x7B, ElementType.Float4E2M1 => 7, _ => 0x7F };
        int beyond = type switch { ElementType.Float8E4M3FN => 0x7F, ElementType.Float8E5M2 => 0x7C, ElementType.Float4E2M1 => 7, _ => 0x80 };
        bool hasOneZero = type is ElementType.Float8E4M3FNUZ or ElementType.Float8E5M2FNUZ;
        int signOf = double.IsNegative(number) ? sign : 0;
        if (double.IsNaN(number))
        {
            return type switch { ElementType.Float8E4M3FN => 0x7F | signOf, ElementType.Float8E5M2 => 0x7E | signOf, ElementType.Float4E2M1 => 8, _ => 0x80 };
        }

        // What comes after the largest number if there were one, whose code is even.
        double after = Number(type, largest) + (Number(type, largest) - Number(type, largest - 1));
        double size = Math.Min(after, Math.Abs(number));
        int best = 0;
        for (int code = 0; code <= largest + 1; code++)
        {
            double distance = Math.Abs(size - (code <= largest ? Number(type, code) : after));
            double bestDistance = Math.Abs(size - (best <= largest ? Number(type, best) : after));
            best = distance < bestDistance || (distance == bestDistance && code % 2 == 0) ? code : best;
        }

        if (best > largest || double.IsInfinity(number))
        {
            best = saturates ? largest : beyond;
        }

        return hasOneZero && best is 0 or 0x80 ? best : best | signOf;
    }

    private static int ScaleCode(double number, bool saturates, string roundMode)
    {
        if (double.IsNaN(number) || number < 0)
        {
            return 255;
        }

        if (number < Math.Pow(2, -127) || number > Math.Pow(2, 127))
        {
            return !saturates ? 255 : number < 1 ? 0 : 254;
        }

        int below = 0;
        while (below < 254 && Math.Pow(2, below + 1 - 127) <= number)
        {
            below++;
        }

        double lower = Math.Pow(2, below - 127);
        return number == lower || roundMode == "down" || (roundMode == "nearest" && number - lower < lower / 2) ? below : below + 1;
    }
}
