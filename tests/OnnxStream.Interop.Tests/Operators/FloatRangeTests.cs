namespace OnnxStream.Interop.Tests.Operators;

/// <summary>
/// Functions of one number over the whole range of single precision: every exponent, both signs, denormals, zeros, infinities and NaN, against
/// double precision. The bounds are those of docs/accuracy.md.
/// </summary>
public class FloatRangeTests
{
    // Which error is allowed: relative to the result, and absolute where results are below the normal numbers or cancel.
    private static readonly object[] Functions =
    [
        Case("Sigmoid", Sigmoid, 1e-6),
        Case("Tanh", Math.Tanh, 1e-6),
        Case("Exp", Math.Exp, 1e-6),
        Case("Log", Math.Log, 1e-6),
        Case("Sqrt", Math.Sqrt, 1e-7),
        Case("Sin", Math.Sin, 1e-6, 1e-7),
        Case("Cos", Math.Cos, 1e-6, 1e-7),
        Case("Tan", Math.Tan, 1e-6),
        Case("Asin", Math.Asin, 1e-6),
        Case("Acos", Math.Acos, 1e-6),
        Case("Atan", Math.Atan, 1e-6),
        Case("Sinh", Math.Sinh, 1e-6),
        Case("Cosh", Math.Cosh, 1e-6),
        Case("Asinh", Math.Asinh, 1e-6),
        Case("Acosh", Math.Acosh, 1e-6),
        Case("Atanh", Math.Atanh, 1e-6),
        Case("Reciprocal", x => 1 / x, 1e-7),
        Case("Floor", Math.Floor, 0),
        Case("Ceil", Math.Ceiling, 0),
        Case("Round", x => Math.Round(x, MidpointRounding.ToEven), 0),
        Case("Neg", x => -x, 0),
        Case("Abs", Math.Abs, 0),
        Case("Erf", Erf, 1e-6),
        Case("Softplus", Softplus, 1e-6),
        Case("Softsign", x => double.IsInfinity(x) ? double.NaN : x / (1 + Math.Abs(x)), 1e-6),
        Case("Mish", x => x * Math.Tanh(Softplus(x)), 2e-6),
        Case("HardSwish", x => x * Math.Clamp(x / 6 + 0.5, 0, 1), 1e-6, 1e-7),
        Case("Relu", x => double.IsNaN(x) ? x : Math.Max(0, x), 0),
        Case("LeakyRelu", x => x < 0 ? 0.01f * x : x, 1e-6),
        Case("Elu", x => x < 0 ? ExpM1(x) : x, 1e-6),
        Case("Selu", x => 1.05070102214813232421875 * (x < 0 ? 1.67326319217681884765625 * ExpM1(x) : x), 1e-6),
        Case("Celu", x => Math.Max(0, x) + Math.Min(0, ExpM1(x)), 1e-6),
        Case("Gelu", x => x * NormalDistribution(x), 2e-6, 3e-7),
        Case("HardSigmoid", x => double.IsNaN(x) ? x : Math.Clamp(0.2f * x + 0.5, 0, 1), 1e-6, 1e-7),
        Case("Shrink", x => double.IsNaN(x) ? 0 : x < -0.5 || x > 0.5 ? x : 0, 0),
        Case("Swish", x => x * Sigmoid(x), 1e-6),
        Case("ThresholdedRelu", x => x > 1 ? x : 0, 0),
    ];

    [TestCaseSource(nameof(Functions))]
    public void AFunctionIsRightEverywhere(string operatorType, Func<double, double> expected, double relative, double absolute)
    {
        float[] points = Points();
        using TemporaryFolder folder = new();
        ModelBuilder builder = new ModelBuilder(24).Input("x", ElementType.Float32, points.Length).Output("y").Node(operatorType, "x", "y");
        using InferenceSession session = new(folder.Write("model.onnx", builder.ToBytes()), new SessionOptions { ThreadCount = 2 });
        float[] actual = session.Run(new Dictionary<string, TensorBuffer> { ["x"] = TensorBuffer.Create<float>(points, points.Length) })["y"].Span<float>().ToArray();
        Check(points, actual, expected, relative, absolute);
    }

    [TestCaseSource(nameof(Functions))]
    public void ADoubleKeepsItsDigits(string operatorType, Func<double, double> expected, double relative, double absolute)
    {
        double[] points = [.. Points().Where(point => Math.Abs(point) is > 1e-300f and < 600).Select(point => (double)point)];
        using TemporaryFolder folder = new();
        ModelBuilder builder = new ModelBuilder(24).Input("x", ElementType.Float64, points.Length).Output("y", ElementType.Float64).Node(operatorType, "x", "y");
        using InferenceSession session = new(folder.Write("model.onnx", builder.ToBytes()), new SessionOptions { ThreadCount = 2 });
        double[] actual = session.Run(new Dictionary<string, TensorBuffer> { ["x"] = TensorBuffer.Create<double>(points, points.Length) })["y"].Span<double>().ToArray();
        string[] wrong = [.. Enumerable.Range(0, points.Length)
            .Where(i => !double.IsNaN(expected(points[i])) && !(Math.Abs(actual[i] - expected(points[i])) <= 1e-3 * relative * Math.Abs(expected(points[i])) + 1e-3 * absolute * Math.Min(1, Math.Abs(points[i]))))
            .Select(i => $"f({points[i]:R}) = {actual[i]:R}, not {expected(points[i]):R}")];
        Assert.That(wrong, Is.Empty, $"{wrong.Length} of {points.Length} are wrong");
    }

    [Test]
    public void AFusedActivationIsRightEverywhere([Values("silu", "gelu", "quickgelu")] string activation)
    {
        float[] points = Points();
        using TemporaryFolder folder = new();
        ModelBuilder builder = new ModelBuilder(20).Input("x", ElementType.Float32, points.Length).Output("y");
        Func<double, double> expected;
        switch (activation)
        {
            case "silu":
                builder.Node("Sigmoid", "x", "s").Node("Mul", "x s", "y");
                expected = x => x * Sigmoid(x);
                break;
            case "gelu":
                builder.Node("Gelu", "x", "y");
                expected = x => x * NormalDistribution(x);
                break;
            default:
                builder.Initializer("c", TensorBuffer.Create<float>([1.702f])).Node("Mul", "x c", "m").Node("Sigmoid", "m", "s").Node("Mul", "x s", "y");
                expected = x => x * Sigmoid((float)(1.702f * x));
                break;
        }

        using InferenceSession session = new(folder.Write("model.onnx", builder.ToBytes()), new SessionOptions { ThreadCount = 2 });
        float[] actual = session.Run(new Dictionary<string, TensorBuffer> { ["x"] = TensorBuffer.Create<float>(points, points.Length) })["y"].Span<float>().ToArray();
        Check(points, actual, expected, 2e-6, activation == "gelu" ? 3e-7 : 1e-36);
    }

    private static object[] Case(string operatorType, Func<double, double> expected, double relative, double absolute = 0) => [operatorType, expected, relative, absolute];

    private static void Check(float[] points, float[] actual, Func<double, double> expected, double relative, double absolute)
    {
        List<string> wrong = [];
        for (int i = 0; i < points.Length; i++)
        {
            double right = expected(points[i]);
            double size = float.IsFinite(points[i]) ? Math.Abs((double)points[i]) : 0;
            float rounded = (float)right;
            bool isRight = rounded == 0 && points[i] == 0 && actual[i] == 0 ? float.IsNegative(rounded) == float.IsNegative(actual[i]) : float.IsNaN(rounded) ? float.IsNaN(actual[i]) : float.IsInfinity(rounded)
                ? actual[i] == rounded || (!double.IsInfinity(right) && Math.Abs(right) < float.MaxValue * (1 + 1e-6) && Math.Abs(actual[i]) >= float.MaxValue * (1 - relative))
                : Math.Abs(actual[i] - right) <= (relative * Math.Abs(right)) + (absolute * Math.Min(1, size)) + (float.Epsilon * Math.Max(1, Math.Min(size, 200)));
            if (!isRight)
            {
                wrong.Add($"f({points[i]:R}) = {actual[i]:R}, not {right:R}");
            }
        }

        Assert.That(wrong, Is.Empty, $"{wrong.Count} of {points.Length} are wrong");
    }

    // Every exponent with some mantissas; and numbers near those where functions change.
    private static float[] Points()
    {
        // Bits of a NaN are anything: those of 0 / 0 are the sign, the exponent and one bit, those of memory that was never written may be all.
        List<float> points = [0, -0f, float.PositiveInfinity, float.NegativeInfinity, float.NaN, float.Epsilon, float.MaxValue, float.MinValue];
        points.AddRange(((int[])[0x7fc00000, -1, 0x7fffffff, 0x7f800001, -0x7fff01, 0x7fc00155]).Select(BitConverter.Int32BitsToSingle));
        for (int exponent = 0; exponent < 255; exponent++)
        {
            foreach (int mantissa in (int[])[1, 0x155555, 0x3fffff, 0x400000, 0x6a09e6, 0x7fffff])
            {
                float x = BitConverter.Int32BitsToSingle(exponent << 23 | mantissa);
                points.AddRange([x, -x]);
            }
        }

        for (float x = -110; x <= 110; x += 0.37f)
        {
            points.Add(x);
        }

        for (float x = -4; x <= 4; x += 0.0173f)
        {
            points.Add(x);
        }

        return [.. points];
    }

    private static double Sigmoid(double x) => x >= 0 ? 1 / (1 + Math.Exp(-x)) : Math.Exp(x) / (1 + Math.Exp(x));

    private static double Softplus(double x) => Math.Max(x, 0) + LogP1(Math.Exp(-Math.Abs(x)));

    // Kahan's: exact to the last digits where the argument is small.
    private static double ExpM1(double x)
    {
        double u = Math.Exp(x);
        return u == 1 ? x : u - 1 == -1 ? -1 : double.IsInfinity(u) ? u : (u - 1) * x / Math.Log(u);
    }

    private static double LogP1(double x)
    {
        double u = 1 + x;
        return u == 1 ? x : Math.Log(u) * x / (u - 1);
    }

    private static double NormalDistribution(double x) => x == 0 ? 0.5 : 0.5 * ComplementaryErf(-x / Math.Sqrt(2));

    private static double Erf(double x) => x == 0 ? x : Math.Abs(x) < 1 ? Series(x) : x > 0 ? 1 - ComplementaryErf(x) : double.IsNaN(x) ? x : ComplementaryErf(-x) - 1;

    // The series of DLMF 7.6.1, and the continued fraction of 7.9.2 by Lentz's method.
    private static double Series(double x)
    {
        double term = x;
        double sum = x;
        for (int n = 1; n < 60; n++)
        {
            term *= -x * x / n;
            sum += term / (2 * n + 1);
        }

        return 2 / Math.Sqrt(Math.PI) * sum;
    }

    private static double ComplementaryErf(double x)
    {
        if (double.IsNaN(x))
        {
            return x;
        }

        if (x < 0)
        {
            return 2 - ComplementaryErf(-x);
        }

        if (x < 2)
        {
            return 1 - Series(x);
        }

        if (x > 30)
        {
            return 0;
        }

        double fraction = 0;
        for (int n = 200; n > 0; n--)
        {
            fraction = n / 2.0 / (x + fraction);
        }

        return Math.Exp(-x * x) / Math.Sqrt(Math.PI) / (x + fraction);
    }
}
