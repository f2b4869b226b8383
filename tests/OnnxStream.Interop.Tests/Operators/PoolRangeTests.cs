namespace OnnxStream.Interop.Tests.Operators;

/// <summary>Pooling over the whole range of numbers, against double precision. The bounds are those of docs/accuracy.md.</summary>
public class PoolRangeTests
{
    private const int Height = 5;

    [Test]
    public void AWindowIsRightEverywhere(
        [Values("MaxPool", "AveragePool", "LpPool", "GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool", "MaxPool and indices")] string operatorType,
        [Values(1, 2, 6)] int stride, [Values] bool isHalf)
    {
        ElementType type = isHalf ? ElementType.Float16 : ElementType.Float32;
        bool isGlobal = operatorType.StartsWith("Global", StringComparison.Ordinal);
        bool hasIndices = operatorType.EndsWith("indices", StringComparison.Ordinal);
        double[] plane = MakePlane(type);
        int width = plane.Length / Height;
        TensorBuffer x = TestTensors.FromDoubles(type, plane, 1, 1, Height, width);
        ModelBuilder builder = new(hasIndices ? 12 : 18);
        builder.Node(operatorType.Split(' ')[0], "x", hasIndices ? "y indices" : "y", isGlobal ? [] : [("kernel_shape", new long[] { 3, 3 }), ("strides", new long[] { stride, stride })]);
        TensorBuffer y = RangePoints.Run(builder, new Dictionary<string, TensorBuffer> { ["x"] = x }, type);
        int columns = isGlobal ? 1 : (width - 3) / stride + 1;
        double[] Window(int i) => isGlobal ? plane :
            [.. from row in Enumerable.Range(i / columns * stride, 3) from column in Enumerable.Range(i % columns * stride, 3) select plane[row * width + column]];
        RangePoints.Check(y, i => Expected(operatorType, type, Window(i)), i => $"{type}: {operatorType} of [{string.Join(' ', Window(i).Take(9).Select(value => $"{value:G4}"))}]", checksZeros: false);
    }

    [Test]
    public void AWindowOfPixelsIsRightEverywhere([Values("MaxPool", "AveragePool")] string operatorType, [Values(1, 4, 35)] int channels)
    {
        // The product before it keeps channels last. Each of its sums has one summand, so that numbers stay what they are.
        double[] plane = MakePlane(ElementType.Float32);
        int width = plane.Length / Height;
        ModelBuilder builder = new ModelBuilder(13).Initializer("w", TestTensors.FromDoubles(ElementType.Float32, [.. Enumerable.Repeat(1.0, channels)], channels, 1, 1, 1))
            .Node("Conv", "x w", "p").Node(operatorType, "p", "q", ("kernel_shape", new long[] { 3, 3 })).Node("Identity", "q", "y");
        TensorBuffer y = RangePoints.Run(builder, new Dictionary<string, TensorBuffer> { ["x"] = TestTensors.FromDoubles(ElementType.Float32, plane, 1, 1, Height, width) });
        int columns = width - 2;
        double[] Window(int i) => [.. from row in Enumerable.Range(i / columns % (Height - 2), 3) from column in Enumerable.Range(i % columns, 3) select plane[row * width + column]];
        RangePoints.Check(y, i => Expected(operatorType, ElementType.Float32, Window(i)), i => $"{operatorType} of [{string.Join(' ', Window(i).Select(value => $"{value:G4}"))}]", checksZeros: false);
    }

    private static (double Exact, double Absolute) Expected(string operatorType, ElementType type, double[] window)
    {
        double exact = operatorType.Split(' ')[0].Replace("Global", "", StringComparison.Ordinal) switch
        {
            "MaxPool" => window.Aggregate(Math.Max),
            "AveragePool" => window.Average(),
            _ => Math.Sqrt(window.Sum(value => value * value)),
        };
        double rounding = type == ElementType.Float16 ? 5e-4 * Math.Abs(exact) : 0;
        return (exact, operatorType.Contains("Max", StringComparison.Ordinal) ? 0 : operatorType.Contains("Average", StringComparison.Ordinal) ? rounding + 1e-6 * window.Average(Math.Abs) : rounding + 1e-7 * exact);
    }

    // Each exponent in some columns, and what is special in others; sums of nine do not leave the range of single precision.
    private static double[] MakePlane(ElementType type)
    {
        Random random = new(1);
        List<float[]> columns = [];
        for (int exponent = 0; exponent < (type == ElementType.Float16 ? 138 : 248); exponent += 2)
        {
            columns.Add([.. Enumerable.Range(0, Height).Select(_ => (random.Next(2) * 2 - 1) * BitConverter.Int32BitsToSingle((exponent << 23) + random.Next(1 << 23)))]);
        }

        foreach (float special in RangePoints.Specials.Where(special => Math.Abs(special) is not float.MaxValue))
        {
            for (int row = 0; row < Height; row++)
            {
                columns.AddRange([new float[Height], new float[Height], new float[Height]]);
                columns[^1][row] = special;
                columns[^2][(row + 1) % Height] = -special;
            }
        }

        return RangePoints.Rounded(type, [.. Enumerable.Range(0, Height).SelectMany(row => columns.Select(column => column[row]))]);
    }
}
