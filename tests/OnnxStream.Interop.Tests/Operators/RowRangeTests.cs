namespace OnnxStream.Interop.Tests.Operators;

/// <summary>Reductions, norms, softmax and running sums of rows, over the whole range of numbers, against double precision. The bounds are those of docs/accuracy.md.</summary>
public class RowRangeTests
{
    private const double Least = 1.2e-38;

    private static readonly object[] s_reductions =
    [
        Case("ReduceSum", 1e-5, row => (row.Sum(), row.Sum(Math.Abs))),
        Case("ReduceMean", 1e-5, row => (row.Average(), row.Average(Math.Abs))),
        Case("ReduceL1", 1e-7, row => Relative(row.Sum(Math.Abs))),
        Case("ReduceL2", 1e-7, row => Relative(Math.Sqrt(row.Sum(x => x * x)))),
        Case("ReduceSumSquare", 1e-7, row => Relative(row.Sum(x => x * x))),
        Case("ReduceLogSum", 1e-7, LogSum),
        Case("ReduceLogSumExp", 1e-7, row => (LogSumExp(row), Math.Abs(LogSumExp(row)) + 1)),
        Case("ReduceMax", 0, row => Relative(row.Aggregate(Math.Max))),
        Case("ReduceMin", 0, row => Relative(row.Aggregate(Math.Min))),
        Case("ArgMax", 0, row => (First(row, row.Aggregate(Math.Max)), 0)),
        Case("ArgMin", 0, row => (First(row, row.Aggregate(Math.Min)), 0)),
    ];

    private static readonly object[] s_rows =
    [
        Rows("Softmax", 1e-6, row => [.. Softmax(row).Zip(row, (y, x) => (y, y * (1 + 0.06 * Math.Min(200, row.Max() - x)) + Least / 1e-6))]),
        Rows("LogSoftmax", 3e-7, row => [.. LogSoftmax(row).Select(y => (y, Math.Abs(y) + 1))]),
        Rows("Hardmax", 0, row => [.. row.Select((_, i) => (i == First(row, row.Aggregate(Math.Max)) ? 1.0 : 0, 0.0))]),
        Rows("CumSum", 1e-7, row => [.. Running(row, (a, b) => a + b, 0).Zip(Running([.. row.Select(Math.Abs)], (a, b) => a + b, 0), (y, size) => (y, Math.Abs(y) + 1e-8 * size))]),
        Rows("LpNormalization", 2e-7, row => Norm(row, Math.Sqrt(row.Sum(x => x * x)))),
        Rows("LpNormalization", 2e-7, row => Norm(row, row.Sum(Math.Abs)), ("p", 1L)),
    ];

    private static readonly ElementType[] s_types = [ElementType.Float32, ElementType.Float16, ElementType.Float64];

    [TestCaseSource(nameof(s_reductions))]
    public void AReductionIsRightForEveryRow(string operatorType, double bound, Func<double[], (double Exact, double Size)> expected)
    {
        foreach (ElementType type in s_types)
        {
            foreach (int length in (int[])[1, 7, 33, 700])
            {
                foreach (bool isInner in (bool[])[true, false])
                {
                    if (length == 700 && type != ElementType.Float32)
                    {
                        continue;
                    }

                    double[][] rows = MakeRows(type, length);
                    (double Exact, double Absolute)[] results = [.. rows.Select(expected).Select(y => (y.Exact, Bound(type, bound, y.Size, y.Exact)))];
                    bool isIndex = operatorType.StartsWith("Arg", StringComparison.Ordinal);
                    ModelBuilder builder = isIndex || operatorType == "ReduceSum" ? new ModelBuilder(13) : new ModelBuilder(17);
                    object axis = isInner ? 1L : 0L;
                    if (operatorType == "ReduceSum")
                    {
                        builder.Initializer("axes", TestTensors.Integers((long)axis)).Node(operatorType, "x axes", "y");
                    }
                    else
                    {
                        builder.Node(operatorType, "x", "y", isIndex ? ("axis", axis) : ("axes", new[] { (long)axis }));
                    }

                    TensorBuffer y = RangePoints.Run(builder, new Dictionary<string, TensorBuffer> { ["x"] = Join(type, rows, isInner) }, isIndex ? ElementType.Int64 : type);
                    RangePoints.Check(y, i => results[i], i => $"{type}: {operatorType}{(isInner ? "" : " of columns")} of {length}: {Describe(rows[i])}", checksZeros: false);
                }
            }
        }
    }

    [TestCaseSource(nameof(s_rows))]
    public void ARowIsRightEverywhere(string operatorType, double bound, Func<double[], (double Exact, double Size)[]> expected, (string Name, object Value)[] attributes)
    {
        foreach (ElementType type in s_types)
        {
            foreach (int length in (int[])[1, 7, 33, 700])
            {
                foreach (bool isInner in (bool[])[true, false])
                {
                    if (length == 700 && type != ElementType.Float32)
                    {
                        continue;
                    }

                    double[][] rows = MakeRows(type, length);
                    (double Exact, double Size)[][] results = [.. rows.Select(expected)];
                    ModelBuilder builder = new(17);
                    long axis = isInner ? 1 : 0;
                    if (operatorType == "CumSum")
                    {
                        builder.Initializer("axis", TestTensors.Scalar(ElementType.Int64, axis)).Node(operatorType, "x axis", "y");
                    }
                    else
                    {
                        builder.Node(operatorType, "x", "y", [("axis", axis), .. attributes]);
                    }

                    TensorBuffer y = RangePoints.Run(builder, new Dictionary<string, TensorBuffer> { ["x"] = Join(type, rows, isInner) }, type);
                    (int Row, int Element) Place(int i) => isInner ? (i / length, i % length) : (i % rows.Length, i / rows.Length);
                    RangePoints.Check(
                        y,
                        i => Place(i) is var (row, element) ? (results[row][element].Exact, Bound(type, bound, results[row][element].Size, results[row][element].Exact)) : default,
                        i => $"{type}: {operatorType}{(isInner ? "" : " of columns")} of {length}: element {Place(i).Element} of {Describe(rows[Place(i).Row])}",
                        checksZeros: false);
                }
            }
        }
    }

    [Test]
    public void ProductsAreRight([Values("ReduceProd", "CumProd")] string operatorType)
    {
        foreach (ElementType type in (ElementType[])[ElementType.Float32, ElementType.Float16])
        {
            double[][] rows = MakeRows(type, 7);
            double[][] products = [.. rows.Select(row => Running(row, (a, b) => a * b, 1))];
            ModelBuilder builder = operatorType == "CumProd"
                ? new ModelBuilder(26).Initializer("axis", TestTensors.Scalar(ElementType.Int64, 1)).Node(operatorType, "x axis", "y")
                : new ModelBuilder(17).Node(operatorType, "x", "y", ("axes", new long[] { 1 }));
            TensorBuffer y = RangePoints.Run(builder, new Dictionary<string, TensorBuffer> { ["x"] = Join(type, rows, true) }, type);
            double[] exact = operatorType == "CumProd" ? [.. products.SelectMany(row => row)] : [.. products.Select(row => row[^1])];
            RangePoints.Check(y, i => (exact[i], Bound(type, 1e-7, Math.Abs(exact[i]), exact[i])), i => $"{type}: {operatorType} {i}", checksZeros: false);
        }
    }

    [Test]
    public void ANormalizationIsRightForEveryRow(
        [Values("LayerNormalization", "RMSNormalization", "InstanceNormalization", "GroupNormalization", "MeanVarianceNormalization", "spelled layer", "spelled group")] string operatorType,
        [Values(0, 1e-5f, 1)] float epsilon, [Values(8, 33, 700)] int length)
    {
        if ((operatorType == "MeanVarianceNormalization" && epsilon != 0) || (operatorType == "GroupNormalization" && length % 2 != 0))
        {
            // Its epsilon is no attribute. Two channels make a group.
            return;
        }

        // The ends of the range need numbers that are not there: 1 / x of the largest, and of the least where nothing is added.
        // Without an epsilon, the spelled form is no layer: its squares are a tensor in single precision.
        bool isLayer = operatorType != "spelled layer" || epsilon > 0;
        (double lowest, double highest) = (!isLayer ? 1e-15 : epsilon == 0 && operatorType != "MeanVarianceNormalization" ? 1e-36 : 0, isLayer ? 1e37 : 1e15);
        double[][] rows = [.. MakeRows(ElementType.Float32, length).Where(row => !row.Any(double.IsFinite) || row.Where(double.IsFinite).Max(Math.Abs) is var size && (size == 0 ? epsilon > 0 : size < highest && size > lowest))];
        bool isCentered = operatorType != "RMSNormalization";
        TensorBuffer scale = TestTensors.Random(ElementType.Float32, 7, 0.5, 2, 1);
        double factor = scale.Span<float>()[0];
        TensorBuffer Repeated(double value, long count) => TestTensors.FromDoubles(ElementType.Float32, [.. Enumerable.Repeat(value, (int)count)], count);
        long count = rows.Length;
        TensorBuffer x = Join(ElementType.Float32, rows, true);
        ModelBuilder builder = new(operatorType is "RMSNormalization" ? 23 : operatorType == "GroupNormalization" ? 21 : 17);
        switch (operatorType)
        {
            case "LayerNormalization" or "RMSNormalization":
                builder.Initializer("s", Repeated(factor, length)).Node(operatorType, "x s", "y", ("epsilon", epsilon), ("axis", 1L));
                break;
            case "InstanceNormalization":
                x = TensorBuffer.Create<float>(x.Span<float>(), 1, count, length);
                builder.Initializer("s", Repeated(factor, count)).Initializer("b", Repeated(0, count)).Node(operatorType, "x s b", "y", ("epsilon", epsilon));
                break;
            case "GroupNormalization":
                x = TensorBuffer.Create<float>(x.Span<float>(), count, 2, length / 2);
                builder.Initializer("s", Repeated(factor, 2)).Initializer("b", Repeated(0, 2)).Node(operatorType, "x s b", "y", ("epsilon", epsilon), ("num_groups", 1L));
                break;
            case "MeanVarianceNormalization":
                factor = 1;
                builder.Node(operatorType, "x", "y", ("axes", new long[] { 1 }));
                break;
            case "spelled layer":
                builder.Initializer("two", TestTensors.Scalar(ElementType.Float32, 2)).Initializer("e", TestTensors.Scalar(ElementType.Float32, epsilon)).Initializer("s", Repeated(factor, length)).Initializer("b", Repeated(0, length))
                    .Node("ReduceMean", "x", "m", ("axes", new long[] { -1 })).Node("Sub", "x m", "d").Node("Pow", "d two", "q").Node("ReduceMean", "q", "v", ("axes", new long[] { -1 }))
                    .Node("Add", "v e", "ve").Node("Sqrt", "ve", "r").Node("Div", "d r", "n").Node("Mul", "n s", "ns").Node("Add", "ns b", "y");
                break;
            default:
                // As exporters spell it: each row is a group of one channel.
                x = TensorBuffer.Create<float>(x.Span<float>(), 1, count, length, 1);
                builder.Initializer("shape", TestTensors.Integers(1, count, -1)).Initializer("back", TestTensors.Integers(1, count, length, 1)).Initializer("ones", Repeated(1, count)).Initializer("zeros", Repeated(0, count))
                    .Initializer("s", TensorBuffer.Create<float>(Repeated(factor, count).Span<float>(), count, 1, 1)).Initializer("b", TensorBuffer.Create<float>(Repeated(0, count).Span<float>(), count, 1, 1))
                    .Node("Reshape", "x shape", "g").Node("InstanceNormalization", "g ones zeros", "i", ("epsilon", epsilon)).Node("Reshape", "i back", "h").Node("Mul", "h s", "m").Node("Add", "m b", "y");
                break;
        }

        double[][] results = [.. rows.Select(row => Normalize(row, isCentered, epsilon, factor, operatorType == "MeanVarianceNormalization" ? 1e-9 : 0))];
        TensorBuffer y = RangePoints.Run(builder, new Dictionary<string, TensorBuffer> { ["x"] = x });
        RangePoints.Check(
            y, i => (results[i / length][i % length], Math.Abs(results[i / length][i % length]) * 3e-6 + Uncertainty(rows[i / length], epsilon, isCentered, factor)),
            i => $"{operatorType} epsilon {epsilon}: element {i % length} of {Describe(rows[i / length])}", checksZeros: false);
    }

    [Test]
    public void ALongRowThatThreadsShareIsRightEverywhere([Values("LayerNormalization", "RMSNormalization")] string operatorType, [Values(-110, -60, 0, 60, 110)] int exponent)
    {
        const int Length = 100_000;
        double[] row = [.. TestTensors.ToDoubles(TestTensors.Random(ElementType.Float32, 1, -1, 2, Length)).Select(value => (double)(float)Math.ScaleB(value, exponent))];
        TensorBuffer x = TestTensors.FromDoubles(ElementType.Float32, row, 1, Length);
        TensorBuffer y = RangePoints.Run(
            new ModelBuilder(23).Initializer("s", TestTensors.FromDoubles(ElementType.Float32, [.. Enumerable.Repeat(1.0, Length)], Length)).Node(operatorType, "x s", "y", ("epsilon", 0f), ("axis", 1L)),
            new Dictionary<string, TensorBuffer> { ["x"] = x });
        double[] exact = Normalize(row, operatorType == "LayerNormalization", 0, 1, 0);
        RangePoints.Check(y, i => (exact[i], 4e-6), i => $"{operatorType} of 2^{exponent}: element {i}", checksZeros: false);
    }

    [Test]
    public void ABatchNormalizationIsRightEverywhere([Values(1, 3, 40)] int channels)
    {
        float[] points = [.. RangePoints.Exponents(0, 0x2aaaab)];
        TensorBuffer Vector(int seed, double low, double high) => TestTensors.Random(ElementType.Float32, seed, low, high, channels);
        (TensorBuffer s, TensorBuffer b, TensorBuffer m, TensorBuffer v) = (Vector(1, 0.5, 2), Vector(2, -1, 1), Vector(3, -1, 1), Vector(4, 0.1, 3));
        float[] data = [.. Enumerable.Range(0, channels).SelectMany(_ => points)];
        TensorBuffer x = TensorBuffer.Create<float>(data, 1, channels, points.Length, 1);
        TensorBuffer y = RangePoints.Run(
            new ModelBuilder(15).Initializer("s", s).Initializer("b", b).Initializer("m", m).Initializer("v", v).Node("BatchNormalization", "x s b m v", "y"), new Dictionary<string, TensorBuffer> { ["x"] = x });
        (double, double) Expected(int i)
        {
            int c = i / points.Length;
            double factor = s.Span<float>()[c] / Math.Sqrt(v.Span<float>()[c] + 1e-5f);
            double product = points[i % points.Length] * factor;
            return ((points[i % points.Length] - (double)m.Span<float>()[c]) * factor + b.Span<float>()[c], double.IsFinite(product) ? 2e-7 * (Math.Abs(product) + Math.Abs(m.Span<float>()[c] * factor) + 1) : 0);
        }

        RangePoints.Check(y, Expected, i => $"batch normalization of {points[i % points.Length]:R}", checksZeros: false);
    }

    [Test]
    public void ALocalResponseIsRightEverywhere([Values(1, 5)] int size)
    {
        foreach (ElementType type in (ElementType[])[ElementType.Float32, ElementType.Float16])
        {
            double[][] rows = MakeRows(type, 7);
            TensorBuffer x = Join(type, rows, true);
            x = TensorBuffer.FromPacked(type, x.ToPacked(), rows.Length, 7, 1, 1);
            TensorBuffer y = RangePoints.Run(new ModelBuilder(13).Node("LRN", "x", "y", ("size", (long)size)), new Dictionary<string, TensorBuffer> { ["x"] = x }, type);
            double Expected(int i)
            {
                (double[] row, int channel) = (rows[i / 7], i % 7);
                double sum = row[Math.Max(0, channel - (size - 1) / 2)..Math.Min(7, channel + size / 2 + 1)].Sum(value => value * value);
                return row[channel] / Math.Pow(1 + (double)0.0001f / size * sum, 0.75);
            }

            RangePoints.Check(y, i => (Expected(i), Bound(type, 1e-6, Math.Abs(Expected(i)), Expected(i))), i => $"{type}: LRN: element {i % 7} of {Describe(rows[i / 7])}", checksZeros: false);
        }
    }

    // What rounding the mean, the squares and the differences to single precision costs.
    private static double Uncertainty(double[] row, double epsilon, bool isCentered, double factor)
    {
        if (row.Any(value => !double.IsFinite(value)))
        {
            return 0;
        }

        double mean = isCentered ? row.Average() : 0;
        double deviation = Math.Sqrt(row.Average(value => (value - mean) * (value - mean)) + epsilon);
        return 1e-6 * factor * row.Max(value => Math.Abs(value - mean)) / deviation;
    }

    private static double[] Normalize(double[] row, bool isCentered, double epsilon, double factor, double epsilonOutside)
    {
        double mean = isCentered ? row.Average() : 0;
        double deviation = Math.Sqrt(row.Average(value => (value - mean) * (value - mean)) + epsilon) + epsilonOutside;
        return [.. row.Select(value => (value - mean) / deviation * factor)];
    }

    private static (double Exact, double Size)[] Norm(double[] row, double norm) => [.. row.Select(x => norm == 0 ? x : x / norm).Select(Relative)];

    private static IEnumerable<double> LogSoftmax(double[] row)
    {
        // Math.Max keeps NaN, unlike LINQ's.
        double greatest = row.Aggregate(Math.Max);
        double logarithm = Math.Log(row.Sum(x => Math.Exp(x - greatest)));
        return row.Select(x => x - greatest - logarithm);
    }

    private static double[] Softmax(double[] row)
    {
        double maximum = row.Aggregate(Math.Max);
        double sum = row.Sum(x => Math.Exp(x - maximum));
        return [.. row.Select(x => Math.Exp(x - maximum) / sum)];
    }

    private static double LogSumExp(double[] row)
    {
        double maximum = row.Aggregate(Math.Max);
        return double.IsFinite(maximum) ? maximum + Math.Log(row.Sum(x => Math.Exp(x - maximum))) : maximum;
    }

    private static double[] Running(double[] row, Func<double, double, double> function, double all) => [.. row.Select(x => all = function(all, x))];

    private static int First(double[] row, double value) => Array.FindIndex(row, x => x.Equals(value) || x == value);

    // Where the summands cancel each other in double precision, too, the order of the additions decides.
    private static (double Exact, double Size) LogSum(double[] row)
    {
        (double sum, double size) = (row.Sum(), row.Sum(Math.Abs));
        return (Math.Log(sum), double.IsFinite(size) && Math.Abs(sum) < 1e-9 * size ? double.PositiveInfinity : Math.Abs(Math.Log(sum)) + 1);
    }

    // What is computed in single or double precision is rounded once to a narrower type.
    private static double Bound(ElementType type, double bound, double size, double exact) => type switch
    {
        ElementType.Float32 => bound * size,
        ElementType.Float64 => Math.Min(bound, 1e-12) * size,
        _ => bound == 0 ? 0 : bound * size + 5e-4 * Math.Abs(exact),
    };

    private static string Describe(double[] row) => $"[{string.Join(", ", row.Take(5).Select(x => $"{x:G4}"))}{(row.Length > 5 ? ", …" : "")}] up to {row.Where(x => !double.IsNaN(x)).Select(Math.Abs).DefaultIfEmpty().Max():G4}";

    private static TensorBuffer Join(ElementType type, double[][] rows, bool isInner) => isInner
        ? TestTensors.FromDoubles(type, [.. rows.SelectMany(row => row)], rows.Length, rows[0].Length)
        : TestTensors.FromDoubles(type, [.. Enumerable.Range(0, rows[0].Length).SelectMany(i => rows.Select(row => row[i]))], rows[0].Length, rows.Length);

    // Rows of each magnitude, of all magnitudes together, and rows with what is special somewhere.
    private static double[][] MakeRows(ElementType type, int length)
    {
        Random random = new(length);
        List<float[]> rows = [];
        float Number(int exponent) => (random.Next(2) * 2 - 1) * BitConverter.Int32BitsToSingle((exponent << 23) + random.Next(1 << 23));
        for (int exponent = 0; exponent < 255; exponent++)
        {
            rows.Add([.. Enumerable.Range(0, length).Select(_ => Number(exponent))]);
        }

        for (int i = 0; i < 20; i++)
        {
            rows.Add([.. Enumerable.Range(0, length).Select(_ => Number(random.Next(255)))]);
            rows.Add([.. Enumerable.Range(0, length).Select(_ => Number(127 + random.Next(5)))]);
        }

        // A mask, as models have them.
        foreach (float low in (float[])[-1e4f, -1e9f, -4.4e26f, -1e30f, -2.3e38f, float.MinValue])
        {
            rows.Add([.. Enumerable.Range(0, length).Select(i => i % 3 == 0 ? Number(127) : low)]);
        }

        float[] quiet = [.. Enumerable.Range(0, length).Select(_ => Number(127))];
        foreach (float special in RangePoints.Specials)
        {
            rows.Add([.. Enumerable.Repeat(special, length)]);
            foreach (int place in (int[])[0, length / 2, length - 1])
            {
                float[] row = [.. quiet];
                row[place] = special;
                rows.Add(row);
                float[] opposite = [.. row];
                opposite[(place + 1) % length] = -special;
                rows.Add(opposite);
                float[] lonely = new float[length];
                lonely[place] = special;
                rows.Add(lonely);
            }
        }

        return [.. rows.Select(row => RangePoints.Rounded(type, row))];
    }

    private static (double Exact, double Size) Relative(double exact) => (exact, Math.Abs(exact));

    private static object[] Case(string operatorType, double bound, Func<double[], (double Exact, double Size)> expected) => [operatorType, bound, expected];

    private static object[] Rows(string operatorType, double bound, Func<double[], (double Exact, double Size)[]> expected, params (string Name, object Value)[] attributes) => [operatorType, bound, expected, attributes];
}
