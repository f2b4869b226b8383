namespace OnnxStream.Interop.Tests.Operators;

/// <summary>Operators of two tensors, over the whole range of numbers of every type, against double precision. The bounds are those of docs/accuracy.md.</summary>
public class PairRangeTests
{
    private static readonly float[] s_points = RangePoints.Exponents(0, 0x2aaaab, 0x7fffff);

    // The relative error; 0 means the nearest number.
    private static readonly object[] s_functions =
    [
        Case("Add", (a, b) => a + b, 0),
        Case("Sub", (a, b) => a - b, 0),
        Case("Mul", (a, b) => a * b, 0),
        Case("Div", (a, b) => a / b, 0),
        Case("Pow", Math.Pow, 2e-7),
        Case("Mod", (a, b) => a % b, 0, ("fmod", 1L)),
        Case("Mod", FlooredRemainder, 0),
        Case("PRelu", (a, b) => a < 0 ? a * b : a, 0),
        Case("Max", Math.Max, 0),
        Case("Min", Math.Min, 0),
        Case("Sum", (a, b) => a + b, 0),
        Case("Mean", (a, b) => (a + b) / 2, 1.2e-7),
    ];

    [TestCaseSource(nameof(s_functions))]
    public void AnOperatorIsRightForEveryPair(string operatorType, Func<double, double, double> expected, double relative, (string Name, object Value)[] attributes)
    {
        // Both orders, so that every number is on either side.
        foreach (ElementType type in (ElementType[])[ElementType.Float32, ElementType.Float64, ElementType.Float16, ElementType.BFloat16])
        {
            double[] points = RangePoints.Rounded(type, s_points);
            double[] partners = RangePoints.Rounded(type, RangePoints.Partners);
            double[] left = [.. points.SelectMany(point => partners.Select(_ => point)), .. points.SelectMany(_ => partners)];
            double[] right = [.. points.SelectMany(_ => partners), .. points.SelectMany(point => partners.Select(_ => point))];
            double Expected(double x, double z) => operatorType == "Mean" ? Mean(type, x, z) : expected(x, z);
            TensorBuffer a = TestTensors.FromDoubles(type, left, left.Length);
            TensorBuffer b = TestTensors.FromDoubles(type, right, right.Length);
            TensorBuffer y = RangePoints.Run(new ModelBuilder(OperatorSet(operatorType, attributes)).Node(operatorType, "a b", "y", attributes), new Dictionary<string, TensorBuffer> { ["a"] = a, ["b"] = b }, type);
            RangePoints.Check(y, i => Bound(type, operatorType, Expected(left[i], right[i]), relative), i => $"{type}: {operatorType}({left[i]:R}, {right[i]:R})", checksZeros: operatorType != "Mean");
        }
    }

    [TestCaseSource(nameof(s_functions))]
    public void AnOperatorIsRightForASingleNumberOnEitherSide(string operatorType, Func<double, double, double> expected, double relative, (string Name, object Value)[] attributes)
    {
        // One number for all, constant or not: kernels have loops of their own for it.
        foreach (ElementType type in (ElementType[])[ElementType.Float32, ElementType.Float16])
        {
            double[] points = RangePoints.Rounded(type, s_points);
            double Expected(double x, double z) => operatorType == "Mean" ? Mean(type, x, z) : expected(x, z);
            foreach (double partner in RangePoints.Rounded(type, RangePoints.Partners))
            {
                if (operatorType is "PRelu" or "Mean" or "Sum" && (partner is 3 or 0.5) is false && type == ElementType.Float16)
                {
                    continue;
                }

                TensorBuffer many = TestTensors.FromDoubles(type, points, points.Length);
                TensorBuffer one = TestTensors.FromDoubles(type, [partner], 1);
                TensorBuffer y = RangePoints.Run(new ModelBuilder(OperatorSet(operatorType, attributes)).Initializer("b", one).Node(operatorType, "a b", "y", attributes), new Dictionary<string, TensorBuffer> { ["a"] = many }, type);
                RangePoints.Check(y, i => Bound(type, operatorType, Expected(points[i], partner), relative), i => $"{type}: {operatorType}({points[i]:R}, {partner:R})", checksZeros: operatorType != "Mean");
                if (operatorType == "PRelu")
                {
                    continue;
                }

                y = RangePoints.Run(new ModelBuilder(OperatorSet(operatorType, attributes)).Node(operatorType, "b a", "y", attributes), new Dictionary<string, TensorBuffer> { ["a"] = many, ["b"] = one }, type);
                RangePoints.Check(y, i => Bound(type, operatorType, Expected(partner, points[i]), relative), i => $"{type}: {operatorType}({partner:R}, {points[i]:R})", checksZeros: operatorType != "Mean");
            }
        }
    }

    [Test]
    public void AComparisonIsRightForEveryPair(
        [Values("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual")] string operatorType, [Values(ElementType.Float32, ElementType.Float64, ElementType.Float16, ElementType.BFloat16)] ElementType type)
    {
        double[] points = RangePoints.Rounded(type, s_points);
        double[] partners = RangePoints.Rounded(type, RangePoints.Partners);
        TensorBuffer a = TestTensors.FromDoubles(type, points, points.Length, 1);
        TensorBuffer b = TestTensors.FromDoubles(type, partners, partners.Length);
        TensorBuffer y = RangePoints.Run(new ModelBuilder(19).Node(operatorType, "a b", "y"), new Dictionary<string, TensorBuffer> { ["a"] = a, ["b"] = b }, ElementType.Bool);
        bool Expected(double left, double right) => operatorType switch
        {
            "Equal" => left == right,
            "Less" => left < right,
            "LessOrEqual" => left <= right,
            "Greater" => left > right,
            _ => left >= right,
        };
        RangePoints.Check(
            y, i => (Expected(points[i / partners.Length], partners[i % partners.Length]) ? 1 : 0, 0), i => $"{type}: {operatorType}({points[i / partners.Length]:R}, {partners[i % partners.Length]:R})");
    }

    [Test]
    public void AClippedNumberIsRightEverywhere(
        [Values(ElementType.Float32, ElementType.Float64, ElementType.Float16)] ElementType type, [Values(-1, 0, 1e-40f, float.NegativeInfinity, 2)] float low, [Values(1, 0, 1e38f, float.PositiveInfinity, -2)] float high)
    {
        double[] points = RangePoints.Rounded(type, s_points);
        (double least, double most) = (RangePoints.Nearest(type, low), RangePoints.Nearest(type, high));
        TensorBuffer y = RangePoints.Run(
            new ModelBuilder(13).Initializer("l", TestTensors.Scalar(type, low)).Initializer("h", TestTensors.Scalar(type, high)).Node("Clip", "a l h", "y"),
            new Dictionary<string, TensorBuffer> { ["a"] = TestTensors.FromDoubles(type, points, points.Length) }, type);
        RangePoints.Check(y, i => (Math.Min(Math.Max(points[i], least), most), 0), i => $"{type}: {points[i]:R} between {low} and {high}", checksZeros: false);
    }

    // Reals have a remainder with the divisor's sign since operator set 28.
    private static int OperatorSet(string operatorType, (string Name, object Value)[] attributes) => operatorType == "Mod" && attributes.Length == 0 ? 28 : 20;

    private static double FlooredRemainder(double a, double b)
    {
        double remainder = a % b;
        return remainder == 0 ? Math.CopySign(0, b) : double.IsNegative(remainder) != double.IsNegative(b) ? remainder + b : remainder;
    }

    // Of single-precision numbers, the sum is one, too.
    private static double Mean(ElementType type, double a, double b) => (type == ElementType.Float64 ? a + b : RangePoints.Nearest(ElementType.Float32, a + b)) / 2;

    private static (double Exact, double Absolute) Bound(ElementType type, string operatorType, double exact, double relative) => type switch
    {
        // Half precision is computed in single precision and rounded once.
        ElementType.Float32 => (exact, relative * Math.Abs(exact)),
        ElementType.Float64 => (exact, (operatorType == "Pow" ? 0 : relative * 1e-9) * Math.Abs(exact)),
        ElementType.Float16 => (exact, relative == 0 ? 0 : 5e-4 * Math.Abs(exact)),
        _ => (exact, relative == 0 ? 0 : 4e-3 * Math.Abs(exact)),
    };

    private static object[] Case(string operatorType, Func<double, double, double> expected, double relative, params (string Name, object Value)[] attributes) => [operatorType, expected, relative, attributes];
}
