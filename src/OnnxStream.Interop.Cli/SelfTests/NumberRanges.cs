namespace OnnxStream.Interop.Cli.SelfTests;

/// <summary>A short form of the tests behind the page on accuracy: every exponent, denormals, zeros, infinities and NaN through operators of each kind.</summary>
/// <remarks>
/// Each element has a size of its own that its error is divided by, chosen so that one tolerance fits all: where an error of a hundredth of the
/// tolerance is too large, the size is a hundredth of the number.
/// </remarks>
internal static class NumberRanges
{
    /// <summary>The largest error, in parts of an element's size.</summary>
    public const double Tolerance = 1e-5;

    // A result that must be the nearest number, one that is a function, and one that is a sum.
    private const double Rounding = 0.01;
    private const double Function = 0.3;
    private const double Sum = 1;

    private const int Columns = 33;

    private static readonly float[] s_specials =
    [
        0, -0f, float.PositiveInfinity, float.NegativeInfinity, float.NaN, BitConverter.Int32BitsToSingle(-1), float.Epsilon, -float.Epsilon, float.MaxValue, float.MinValue, 1e-40f, 1, -1,
    ];

    /// <summary>Makes the models.</summary>
    public static SelfTestCase[] Cases(Random random) => [Functions(), Pairs(), Rows(random), Normalizations(random), Products(random), Attention(random), Windows(random), Halves()];

    /// <summary>Makes the models of convolutions: every pixel has a size of its own, and one is infinite and one no number.</summary>
    public static SelfTestCase[] Convolutions(Random random) =>
    [
        Convolution(random, [19, 11, 10], [21, 19, 1, 1], groups: 1),
        Convolution(random, [13, 11, 10], [29, 13, 3, 3], groups: 1, stride: 2),
        Convolution(random, [3, 17, 15], [21, 3, 3, 3], groups: 1, stride: 2),
        Convolution(random, [50, 30, 33], [51, 50, 3, 3], groups: 1, isTransformed: true),
        Convolution(random, [23, 9, 8], [23, 1, 3, 3], groups: 23),
        Convolution(random, [48, 9, 17], [48, 4, 3, 3], groups: 12),
        Deconvolution(random),
    ];

    private static SelfTestCase Functions() => new Outputs(20, ("x", TensorBuffer.Create<float>(Points(), Points().Length)))
        .Each("Sigmoid", x => x >= 0 ? 1 / (1 + Math.Exp(-x)) : Math.Exp(x) / (1 + Math.Exp(x)), Function)
        .Each("Tanh", Math.Tanh, Function)
        .Each("Exp", Math.Exp, Function)
        .Each("Log", Math.Log, Function)
        .Each("Sqrt", Math.Sqrt, Rounding)
        .Each("Reciprocal", x => 1 / x, Rounding)
        .Each("Softplus", x => x > 0 ? x + LogOfOneAnd(Math.Exp(-x)) : LogOfOneAnd(Math.Exp(x)), Function)
        .Each("Atan", Math.Atan, Function)
        .Each("Sin", Math.Sin, Function, least: 0.02)
        .Each("Floor", Math.Floor, Rounding)
        .Each("Abs", Math.Abs, Rounding)
        .Each("Relu", x => double.IsNaN(x) ? x : Math.Max(0, x), Rounding)
        .Each("LeakyRelu", x => x < 0 ? 0.01f * x : x, Function)
        .Each("Sinh", x => Math.Abs(x) < 1e-4 ? x : Math.Sinh(x), Function)
        .Each("Cosh", Math.Cosh, Function)
        .Each("Asinh", Asinh, Function)
        .Each("Acosh", Math.Acosh, Function)
        .Each("Atanh", x => Math.Abs(x) < 1e-4 ? x : Math.Atanh(x), Function)
        .Each("Asin", Math.Asin, Function)
        .Each("Acos", Math.Acos, Function)
        .Each("Tan", Math.Tan, Function)
        .Each("Cos", Math.Cos, Function, least: 0.02)
        .Each("Softsign", x => double.IsInfinity(x) ? double.NaN : x / (1 + Math.Abs(x)), Function)
        .Each("Ceil", Math.Ceiling, Rounding)
        .Each("Round", Math.Round, Rounding)
        .Each("Neg", x => -x, Rounding)
        .Each("Elu", x => x < 0 ? ExponentialMinusOne(x) : x, Function)
        .Each("Celu", x => x < 0 ? ExponentialMinusOne(x) : x, Function)
        .Each("ThresholdedRelu", x => x > 1 ? x : 0, Rounding)
        .Each("HardSigmoid", x => double.IsNaN(x) ? x : Math.Clamp((0.2f * x) + 0.5, 0, 1), Function)
        .Make();

    private static SelfTestCase Pairs()
    {
        float[] points = Points();
        float[] partners = [.. s_specials, 2, -3, 0.5f, 1e-10f, 1e10f, -1e18f, 3e-20f, 1e30f, 2e-38f, -3e38f, 16777217];
        return new Outputs(20, ("x", TensorBuffer.Create<float>(points, points.Length, 1)), ("z", TensorBuffer.Create<float>(partners, partners.Length)))
            .Pair("Add", points, partners, (a, b) => a + b)
            .Pair("Sub", points, partners, (a, b) => a - b)
            .Pair("Mul", points, partners, (a, b) => a * b)
            .Pair("Div", points, partners, (a, b) => a / b)
            .Pair("Max", points, partners, Math.Max)
            .Pair("Min", points, partners, Math.Min)
            .Make();
    }

    private static SelfTestCase Rows(Random random)
    {
        double[][] rows = MakeRows(random);
        Outputs outputs = new(18, ("x", TensorBuffer.Create<float>([.. rows.SelectMany(row => row).Select(x => (float)x)], rows.Length, Columns)));
        outputs.Model.Constant("axes", TensorBuffer.Create<long>([1], 1)).Constant("scale", TensorBuffer.Create<float>([.. Enumerable.Repeat(1f, Columns)], Columns));
        outputs
            .Reduction("ReduceSum", rows, row => row.Sum(), row => Sum * row.Sum(Math.Abs))
            .Reduction("ReduceMean", rows, row => row.Average(), row => Sum * row.Average(Math.Abs))
            .Reduction("ReduceL1", rows, row => row.Sum(Math.Abs), row => Rounding * row.Sum(Math.Abs))
            .Reduction("ReduceL2", rows, row => Math.Sqrt(row.Sum(x => x * x)), row => Rounding * Math.Sqrt(row.Sum(x => x * x)))
            .Reduction("ReduceSumSquare", rows, row => row.Sum(x => x * x), row => Rounding * row.Sum(x => x * x))
            .Reduction("ReduceLogSumExp", rows, LogSumExp, row => Rounding * (1 + Math.Abs(LogSumExp(row))))
            .Reduction("ReduceMax", rows, row => row.Aggregate(Math.Max), _ => 0)
            .Reduction("ReduceMin", rows, row => row.Aggregate(Math.Min), _ => 0);
        outputs.Add("Softmax", ["x"], rows.SelectMany(Softmax), rows.SelectMany(row => Softmax(row).Zip(row, (y, x) => (Function + 0.01 * Math.Min(100, row.Max() - x)) * y + 1e-32)), ("axis", 1));

        outputs.Add("LogSoftmax", ["x"], rows.SelectMany(LogSoftmax), rows.SelectMany(row => LogSoftmax(row).Select(y => Function * (1 + Math.Abs(y)))), ("axis", 1));

        // The root of a sum of squares is between the least and the largest number where nothing but small numbers is added to it.
        outputs.Add(
            "LayerNormalization", ["x", "scale"], rows.SelectMany(row => Normalized(row)),
            rows.SelectMany(row => Normalized(row).Select(y => row.All(double.IsFinite) && row.Max(Math.Abs) > 1e37 ? double.PositiveInfinity : Sum * (1 + Math.Abs(y)))), ("axis", 1), ("epsilon", 1e-5f));
        return outputs.Make();
    }

    // Rows as channels of an image, and as rows that are divided by their root mean square.
    private static SelfTestCase Normalizations(Random random)
    {
        double[][] rows = [.. MakeRows(random).Where(row => !row.All(double.IsFinite) || row.Max(Math.Abs) is > 1e-15 and < 1e36)];
        Outputs outputs = new(23, ("x", TensorBuffer.Create<float>([.. rows.SelectMany(row => row).Select(x => (float)x)], 1, rows.Length, Columns)));
        float[] ones = [.. Enumerable.Repeat(1f, rows.Length)];
        float[] zeros = new float[rows.Length];
        outputs.Model.Constant("ones", TensorBuffer.Create<float>(ones, rows.Length)).Constant("zeros", TensorBuffer.Create<float>(zeros, rows.Length)).Constant("scale", TensorBuffer.Create<float>([.. Enumerable.Repeat(1f, Columns)], Columns));
        outputs.Add("InstanceNormalization", ["x", "ones", "zeros"], rows.SelectMany(Normalized), rows.SelectMany(row => Largest(Normalized(row))), ("epsilon", 1e-5f));
        outputs.Add("RMSNormalization", ["x", "scale"], rows.SelectMany(Divided), rows.SelectMany(row => Largest(Divided(row))), ("epsilon", 1e-5f));
        outputs.Add("BatchNormalization", ["x", "ones", "zeros", "zeros", "ones"], rows.SelectMany(row => row), rows.SelectMany(row => row.Select(x => Rounding * 20 * (1 + Math.Abs(x)))), ("epsilon", 0f));
        return outputs.Make();

        static double[] Divided(double[] row) => [.. row.Select(x => x / Math.Sqrt(row.Average(y => y * y) + 1e-5))];

        static IEnumerable<double> Largest(IEnumerable<double> results) => [.. results.Select(_ => Sum * results.Max(Math.Abs))];
    }

    private static SelfTestCase Convolution(Random random, int[] image, int[] kernel, int groups, int stride = 1, bool isTransformed = false)
    {
        (double[] x, double[] magnitudes) = Image(random, image);
        TensorBuffer weights = Tensors.RandomBetween(random, 0.5, 2, kernel[0], kernel[1], kernel[2], kernel[3]);
        double[] w = Tensors.Values(weights);
        int pad = kernel[2] / 2;

        // Winograd's error counts with the largest weight of each kernel in place of all nine.
        double[] sizes = isTransformed ? [.. w.Chunk(9).SelectMany(part => part.Select(_ => part.Max(Math.Abs)))] : [.. w.Select(Math.Abs)];
        int[] shape = [1, image[0], 1, image[1], image[2]];
        int[] weightShape = [kernel[0], kernel[1], 1, kernel[2], kernel[3]];
        Outputs outputs = new(17, ("x", TensorBuffer.Create<float>([.. x.Select(number => (float)number)], 1, image[0], image[1], image[2])));
        outputs.Model.Constant("w", weights);
        outputs.Add(
            "Conv", ["x", "w"], Reference.Convolution(x, w, new double[kernel[0]], shape, weightShape, stride, pad, groups),
            Reference.Convolution(magnitudes, sizes, new double[kernel[0]], shape, weightShape, stride, pad, groups), ("pads", (long[])[pad, pad, pad, pad]), ("strides", (long[])[stride, stride]), ("group", groups));
        return outputs.Make();
    }

    private static SelfTestCase Deconvolution(Random random)
    {
        (double[] x, double[] magnitudes) = Image(random, [9, 6, 5]);
        TensorBuffer weights = Tensors.RandomBetween(random, 0.5, 2, 9, 11, 3, 3);
        double[] w = Tensors.Values(weights);
        Outputs outputs = new(17, ("x", TensorBuffer.Create<float>([.. x.Select(number => (float)number)], 1, 9, 6, 5)));
        outputs.Model.Constant("w", weights);
        outputs.Add("ConvTranspose", ["x", "w"], Reference.Deconvolution(x, w, 9, 6, 5, 11, 3, 2), Reference.Deconvolution(magnitudes, w, 9, 6, 5, 11, 3, 2), ("strides", (long[])[2, 2]));
        return outputs.Make();
    }

    // Numbers of each pixel's own size, an infinity, a NaN, and how large they are.
    private static (double[] Numbers, double[] Magnitudes) Image(Random random, int[] shape)
    {
        int area = shape[1] * shape[2];
        int[] exponents = [.. Enumerable.Range(0, area).Select(_ => random.Next(30, 240))];
        double[] numbers = [.. Enumerable.Range(0, shape[0] * area).Select(i => (double)(((random.Next(2) * 2) - 1) * BitConverter.Int32BitsToSingle((exponents[i % area] << 23) + random.Next(1 << 23))))];
        (numbers[0], numbers[area - 1]) = (double.PositiveInfinity, double.NaN);
        return (numbers, [.. numbers.Select(Math.Abs)]);
    }

    private static SelfTestCase Products(Random random)
    {
        // Factors of each exponent; sums stay inside of the range. Rows with what is no number come last.
        const int Results = 21;
        double[][] rows = [.. MakeRows(random).Where(row => !row.Any(double.IsFinite) || row.Where(double.IsFinite).Max(Math.Abs) < 1e36)];
        TensorBuffer weights = Tensors.RandomBetween(random, 0.5, 2, Columns, Results);
        double[] w = Tensors.Values(weights);
        Outputs outputs = new(17, ("x", TensorBuffer.Create<float>([.. rows.SelectMany(row => row).Select(x => (float)x)], rows.Length, Columns)));
        outputs.Model.Constant("w", weights);
        outputs.Add(
            "MatMul", ["x", "w"],
            rows.SelectMany(row => Enumerable.Range(0, Results).Select(i => row.Select((x, k) => x * w[(k * Results) + i]).Sum())),
            rows.SelectMany(row => Enumerable.Range(0, Results).Select(i => Sum * row.Select((x, k) => Math.Abs(x * w[(k * Results) + i])).Sum())));
        return outputs.Make();
    }

    private static SelfTestCase Attention(Random random)
    {
        // Each query has keys that another mask hides; the last one has what is no number.
        const int Size = 8, Keys = 40;
        float[] lows = [0, -1e4f, -1e9f, -4.4e26f, -1e30f, -2.3e38f, float.MinValue, float.NegativeInfinity, float.NaN];
        TensorBuffer q = Tensors.Random(random, 1, 1, lows.Length, Size);
        TensorBuffer k = Tensors.Random(random, 1, 1, Keys, Size);
        TensorBuffer v = Tensors.Random(random, 1, 1, Keys, Size);
        float[] mask = [.. lows.SelectMany(low => Enumerable.Range(0, Keys).Select(key => key % 3 == 1 ? low : 0))];
        double[][] keys = [.. Tensors.Values(k).Chunk(Size)];
        double[][] values = [.. Tensors.Values(v).Chunk(Size)];
        double[][] weights =
        [
            .. Tensors.Values(q).Chunk(Size).Select((query, i) =>
                Softmax([.. keys.Select((key, j) => (query.Zip(key, (a, b) => a * b).Sum() / Math.Sqrt(Size)) + mask[(i * Keys) + j])])),
        ];
        Outputs outputs = new(17, ("q", q), ("k", k), ("v", v), ("m", TensorBuffer.Create<float>(mask, 1, 1, lows.Length, Keys)));
        outputs.Model.Constant("root", TensorBuffer.Create<float>([1 / MathF.Sqrt(Size)]))
            .Node("Transpose", ["k"], ["t"], ("perm", (long[])[0, 1, 3, 2])).Node("MatMul", ["q", "t"], ["p"]).Node("Mul", ["p", "root"], ["s"]).Node("Add", ["s", "m"], ["a"]).Node("Softmax", ["a"], ["w"], ("axis", -1))
            .Node("MatMul", ["w", "v"], ["attention"]);
        outputs.Expect(
            "attention", [.. weights.SelectMany(row => Enumerable.Range(0, Size).Select(i => row.Zip(values, (weight, value) => weight * value[i]).Sum()))], [.. Enumerable.Repeat(Sum, lows.Length * Size)]);
        return outputs.Make();
    }

    private static SelfTestCase Windows(Random random)
    {
        double[][] rows = [.. MakeRows(random).Where(row => !row.Any(double.IsFinite) || row.Where(double.IsFinite).Max(Math.Abs) < 1e36)];
        double[] plane = [.. rows.SelectMany(row => row)];
        double[][] windows =
        [
            .. from row in Enumerable.Range(0, rows.Length - 2)
               from column in Enumerable.Range(0, Columns - 2)
               select (double[])[.. rows[row][column..(column + 3)], .. rows[row + 1][column..(column + 3)], .. rows[row + 2][column..(column + 3)]],
        ];
        long[] kernel = [3, 3];
        Outputs outputs = new(17, ("x", TensorBuffer.Create<float>([.. plane.Select(x => (float)x)], 1, 1, rows.Length, Columns)));
        outputs.Add("MaxPool", ["x"], windows.Select(window => window.Aggregate(Math.Max)), windows.Select(_ => 0.0), ("kernel_shape", kernel));
        outputs.Add("AveragePool", ["x"], windows.Select(window => window.Average()), windows.Select(window => Sum * window.Average(Math.Abs)), ("kernel_shape", kernel));
        return outputs.Make();
    }

    private static SelfTestCase Halves()
    {
        // There and back: what half precision makes of each number.
        float[] points = Points();
        Outputs outputs = new(17, ("x", TensorBuffer.Create<float>(points, points.Length)));
        outputs.Model.Node("Cast", ["x"], ["half"], ("to", (int)ElementType.Float16)).Node("Cast", ["half"], ["rounded"], ("to", (int)ElementType.Float32));
        outputs.Expect("rounded", [.. points.Select(x => (double)(Half)x)], new double[points.Length]);
        return outputs.Make();
    }

    // Every exponent with two mantissas and both signs.
    private static float[] Points() =>
    [
        .. s_specials,
        .. from exponent in Enumerable.Range(0, 255)
           from mantissa in (int[])[0, 0x2aaaab]
           from sign in (int[])[0, int.MinValue]
           select BitConverter.Int32BitsToSingle((exponent << 23) | mantissa | sign),
    ];

    // A row for each second exponent, rows of all together, masks, and rows with what is special in one place.
    private static double[][] MakeRows(Random random)
    {
        double Number(int exponent) => ((random.Next(2) * 2) - 1) * (double)BitConverter.Int32BitsToSingle((exponent << 23) + random.Next(1 << 23));
        double[] Row(Func<int, double> element) => [.. Enumerable.Range(0, Columns).Select(element)];
        float[] lows = [-1e4f, -1e30f, float.MinValue, float.NegativeInfinity];
        return
        [
            .. Enumerable.Range(0, 127).Select(i => Row(_ => Number(2 * i))),
            .. Enumerable.Range(0, 5).Select(_ => Row(_ => Number(random.Next(250)))),
            .. lows.Select(low => Row(i => i % 3 == 0 ? Number(127) : low)),
            .. s_specials.SelectMany(special => Enumerable.Range(0, 3).Select(place => Row(i => i == place * 16 ? special : Number(127)))),
        ];
    }

    private static double[] Softmax(double[] row)
    {
        double maximum = row.Aggregate(Math.Max);
        double sum = row.Sum(x => Math.Exp(x - maximum));
        return [.. row.Select(x => Math.Exp(x - maximum) / sum)];
    }

    private static IEnumerable<double> Normalized(double[] row) => Reference.Normalize(row, 1e-5);

    private static double[] LogSoftmax(double[] row)
    {
        double sum = LogSumExp(row);
        return [.. row.Select(x => double.IsFinite(sum) ? x - sum : double.NaN)];
    }

    private static double LogSumExp(double[] row)
    {
        double maximum = row.Aggregate(Math.Max);
        return double.IsFinite(maximum) ? maximum + Math.Log(row.Sum(x => Math.Exp(x - maximum))) : maximum;
    }

    // Series and other forms where the plain ones lose digits, or the range.
    private static double Asinh(double x) => Math.Abs(x) < 1e-4 ? x : double.IsFinite(x) ? Math.CopySign(LogOfOneAnd(Math.Abs(x) - 1 + Math.Sqrt((x * x) + 1)), x) : x;

    private static double ExponentialMinusOne(double x) => Math.Abs(x) < 1e-5 ? x + (x * x / 2) : Math.Exp(x) - 1;

    // Kahan's: exact to the last digits where the argument is small.
    private static double LogOfOneAnd(double x)
    {
        double sum = 1 + x;
        return sum == 1 ? x : Math.Log(sum) * x / (sum - 1);
    }

    // A model and what its outputs should be.
    private sealed class Outputs
    {
        private readonly List<double[]> _expected = [];
        private readonly List<double[]> _sizes = [];
        private readonly TensorBuffer _first;

        public Outputs(int operatorSet, params (string Name, TensorBuffer Tensor)[] inputs)
        {
            Model = new SelfTestModel(operatorSet);
            foreach ((string name, TensorBuffer tensor) in inputs)
            {
                Model.Input(name, tensor);
            }

            _first = inputs[0].Tensor;
        }

        public SelfTestModel Model { get; }

        public void Expect(string name, double[] expected, double[] sizes)
        {
            Model.Output(name);
            _expected.Add(expected);
            _sizes.Add(sizes);
        }

        public void Add(string operatorType, string[] inputs, IEnumerable<double> expected, IEnumerable<double> sizes, params (string Name, object Value)[] attributes)
        {
            Model.Node(operatorType, inputs, [operatorType], attributes);
            Expect(operatorType, [.. expected], [.. sizes]);
        }

        public Outputs Each(string operatorType, Func<double, double> function, double size, double least = 0)
        {
            double[] expected = [.. Tensors.Values(_first).Select(function)];
            Add(operatorType, ["x"], expected, expected.Select(y => (size * Math.Abs(y)) + least));
            return this;
        }

        public Outputs Pair(string operatorType, float[] left, float[] right, Func<double, double, double> function)
        {
            Add(operatorType, ["x", "z"], left.SelectMany(a => right.Select(b => function(a, b))), new double[left.Length * right.Length]);
            return this;
        }

        public Outputs Reduction(string operatorType, double[][] rows, Func<double[], double> function, Func<double[], double> size)
        {
            Add(operatorType, ["x", "axes"], rows.Select(function), rows.Select(size), ("keepdims", 0));
            return this;
        }

        public SelfTestCase Make() => new(Model, [.. _expected]) { Sizes = [.. _sizes] };
    }
}
