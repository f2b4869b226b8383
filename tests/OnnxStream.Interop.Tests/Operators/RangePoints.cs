namespace OnnxStream.Interop.Tests.Operators;

/// <summary>The numbers that operators are tried with to see whether they are right everywhere, and how results are judged.</summary>
internal static class RangePoints
{
    /// <summary>Zeros, infinities, NaN, the least and the greatest numbers.</summary>
    public static float[] Specials { get; } =
    [
        0, -0f, float.PositiveInfinity, float.NegativeInfinity, float.NaN, float.Epsilon, -float.Epsilon, float.MaxValue, float.MinValue,
        BitConverter.Int32BitsToSingle(0x007fffff), BitConverter.Int32BitsToSingle(0x00800000), -BitConverter.Int32BitsToSingle(0x00800000), 1e-40f, -3e-42f, 1, -1,
    ];

    /// <summary>Every exponent with these mantissas and both signs, behind the specials.</summary>
    public static float[] Exponents(params int[] mantissas)
    {
        List<float> points = [.. Specials];
        for (int exponent = 0; exponent < 255; exponent++)
        {
            foreach (int mantissa in mantissas)
            {
                float x = BitConverter.Int32BitsToSingle(exponent << 23 | mantissa);
                points.AddRange([x, -x]);
            }
        }

        return [.. points];
    }

    /// <summary>Numbers of every kind that the points are paired with.</summary>
    public static float[] Partners { get; } =
    [
        .. Specials, 2, 3, -3, 0.5f, 1 / 3f, -1.5f, 10, 1e-3f, 127.5f, -1e4f, 1e-10f, 1e10f, -1e18f, 3e-20f, 1e20f, -7e-30f, 1e30f, 2e-38f, 1e38f, -3e38f, 1.0000001f, 0.99999994f, 16777216, -16777217, 4e26f, 2e-3f,
    ];

    /// <summary>Numbers of which half precision, or any type, holds each: the nearest one.</summary>
    public static double[] Rounded(ElementType type, IEnumerable<float> points) =>
        TestTensors.ToDoubles(TestTensors.FromDoubles(type, [.. points.Select(point => (double)point)], points.Count()));

    /// <summary>The number of a type that is nearest.</summary>
    public static double Nearest(ElementType type, double number) => TestTensors.ToDoubles(TestTensors.Scalar(type, number))[0];

    /// <summary>The largest finite number of a type.</summary>
    public static double Greatest(ElementType type) => type switch
    {
        ElementType.Float16 => (double)Half.MaxValue,
        ElementType.BFloat16 => BitConverter.Int32BitsToSingle(0x7f7f0000),
        ElementType.Float32 => float.MaxValue,
        _ => double.MaxValue,
    };

    /// <summary>The least number above zero.</summary>
    public static double Least(ElementType type) => type switch
    {
        ElementType.Float16 => (double)Half.Epsilon,
        ElementType.BFloat16 => BitConverter.Int32BitsToSingle(0x00010000),
        ElementType.Float32 => float.Epsilon,
        _ => double.Epsilon,
    };

    /// <summary>
    /// Whether a result is right: NaN where NaN is, the same infinity, the same zero, otherwise no farther than <paramref name="absolute"/> and one step of the type's denormals.
    /// A number within the bound of the range's end may be infinite or not.
    /// </summary>
    public static bool IsRight(ElementType type, double actual, double exact, double absolute, bool checksZeros = true)
    {
        if (double.IsPositiveInfinity(absolute) && !double.IsInfinity(exact))
        {
            // Nothing is promised.
            return true;
        }

        double rounded = Nearest(type, exact);
        if (double.IsNaN(exact) || double.IsNaN(actual))
        {
            return double.IsNaN(exact) && double.IsNaN(actual);
        }

        if (double.IsInfinity(exact) || actual.Equals(rounded))
        {
            return actual.Equals(rounded) || (exact == 0 && actual == 0 && !checksZeros);
        }

        if (double.IsInfinity(actual) || double.IsInfinity(rounded))
        {
            double edge = Greatest(type);
            return Math.Sign(actual) == Math.Sign(rounded) && Math.Abs(Math.Abs(exact) - edge) <= absolute + edge * 1e-7 && (double.IsInfinity(actual) || Math.Abs(actual) >= edge - absolute);
        }

        if (exact == 0 && actual == 0)
        {
            return !checksZeros || double.IsNegative(exact) == double.IsNegative(actual);
        }

        return Math.Abs(actual - exact) <= absolute + (absolute > 0 ? Least(type) : 0);
    }

    /// <summary>Asserts that all results are right.</summary>
    /// <param name="results">The results.</param>
    /// <param name="expected">For each index, what the result is by exact arithmetic, and how far it may be away.</param>
    /// <param name="describe">For each index, what it is the result of.</param>
    /// <param name="checksZeros">Whether zeros must have their sign.</param>
    public static void Check(TensorBuffer results, Func<int, (double Exact, double Absolute)> expected, Func<int, string> describe, bool checksZeros = true)
    {
        double[] numbers = TestTensors.ToDoubles(results);
        List<string> wrong = [];
        int count = 0;
        for (int i = 0; i < numbers.Length; i++)
        {
            (double exact, double absolute) = expected(i);
            if (!IsRight(results.ElementType, numbers[i], exact, absolute, checksZeros) && count++ < 12)
            {
                wrong.Add($"{describe(i)} = {numbers[i]:R}, not {exact:R} ± {absolute:G3}");
            }
        }

        Assert.That(wrong, Is.Empty, $"{count} of {numbers.Length} are wrong");
    }

    /// <summary>Runs a model of one output.</summary>
    public static TensorBuffer Run(ModelBuilder builder, IReadOnlyDictionary<string, TensorBuffer> inputs, ElementType output = ElementType.Float32)
    {
        using TemporaryFolder folder = new();
        foreach ((string name, TensorBuffer tensor) in inputs)
        {
            builder.Input(name, tensor.ElementType, tensor.Shape.ToArray());
        }

        using InferenceSession session = new(folder.Write("model.onnx", builder.Output("y", output).ToBytes()), new SessionOptions { ThreadCount = 2 });
        return session.Run(inputs)["y"];
    }
}
