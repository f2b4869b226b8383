using static OnnxStream.Interop.Cli.SelfTests.Tensors;

namespace OnnxStream.Interop.Cli.SelfTests;

/// <summary>The families of kernels that the self-test knows: one explicit list.</summary>
/// <remarks>
/// Shapes are odd on purpose: they are no multiples of a register or a tile, so that remainders are computed too. Tolerances are those of
/// sums in single precision, of polynomials that stand for functions, or of what half precision can tell apart.
/// </remarks>
internal static class SelfTestFamilies
{
    private const double Exact = 0;
    private const double Sum = 2e-5;
    private const double Function = 1e-5;
    /// <summary>All families: where most time goes first.</summary>
    public static IReadOnlyList<SelfTestFamily> All { get; } =
    [
        new("convolution", ["xnn convolution"], Sum, random =>
        [
            Convolution(random, [1, 19, 1, 7, 9], [37, 19, 1, 1, 1], stride: 1, groups: 1),
            Convolution(random, [2, 13, 1, 11, 10], [29, 13, 1, 3, 3], stride: 2, groups: 1),
        ]),
        new("winograd convolution", ["winograd convolution"], 1e-4, random => [Convolution(random, [1, 50, 1, 30, 33], [51, 50, 1, 3, 3], stride: 1, groups: 1), UpsampledConvolution(random)]),
        new("patch convolution", ["patch convolution"], Sum, random => [Convolution(random, [2, 3, 1, 23, 21], [37, 3, 1, 3, 3], stride: 2, groups: 1)]),
        new("grouped convolution", ["xnn grouped convolution"], Sum, random =>
        [
            Convolution(random, [1, 23, 1, 9, 8], [23, 1, 1, 3, 3], stride: 1, groups: 23),
            Convolution(random, [1, 10, 1, 9, 8], [14, 5, 1, 3, 3], stride: 1, groups: 2),
        ]),
        new("convolution of small groups", ["convolution of small groups"], Sum, random => [Convolution(random, [2, 48, 1, 9, 17], [48, 4, 1, 3, 3], stride: 1, groups: 12)]),
        new("deconvolution", ["xnn deconvolution"], Sum, random => [Deconvolution(random)]),
        new("convolution of volumes", ["padded convolution"], Sum, random => [Convolution(random, [1, 5, 6, 7, 8], [4, 5, 3, 3, 3], stride: 1, groups: 1)]),
        new("fully connected", ["xnn fully connected"], Sum, random => [FullyConnected(random, 9, 70, 133, isHalf: false)]),
        new("fully connected, activated", ["fully connected, activated"], Sum, random => [ActivatedFullyConnected(random)]),
        new("fully connected, gated", ["gated fully connected"], Sum, random => [GatedFullyConnected(random)]),
        new("fully connected, f16 weights", ["xnn fully connected"], Sum, random => [FullyConnected(random, 9, 70, 133, isHalf: true)]),
        new("fully connected, f16 panels", ["xnn fully connected"], 5e-3, random => [FullyConnected(random, 9, 70, 133, isHalf: false)]) { PanelType = ElementType.Float16 },
        new("fully connected, int8 panels", ["xnn fully connected, int8"], Sum, random => [QuantizedFullyConnected(random, 17, 270, 133, least: -127, greatest: 127)]) { PanelType = ElementType.Int8 },
        new("fully connected, int4 panels", ["xnn fully connected, int4"], Sum, random => [QuantizedFullyConnected(random, 17, 288, 133, least: -8, greatest: 7)]) { PanelType = ElementType.Int4 },
        new("convolution, int8 panels", ["xnn convolution, int8"], Sum, random => [QuantizedConvolution(random, [2, 67, 1, 11, 9], [61, 67, 1, 3, 3])]) { PanelType = ElementType.Int8 },
        new("8-bit matrices of the file", ["xnn quantized product"], Exact, random => [WholeProducts(random)]),
        new("8-bit convolutions of the file", ["xnn quantized convolution"], Exact, random => [WholeConvolution(random)]),
        new("f16 activations", ["xnn fully connected", "winograd convolution", "xnn convolution"], 5e-3, random => [StoredActivations(random)]) { ActivationType = ElementType.Float16 },
        new("int8 activations", ["xnn fully connected", "winograd convolution", "xnn convolution"], 0.15, random => [StoredActivations(random)]) { ActivationType = ElementType.Int8 },
        new("rows in tiles", ["tiles of"], 1e-4, random => [RowsInTiles(random)]),
        new("matrix products", ["xnn batch matrix multiply"], Sum, random => [MatrixProducts(random)]),
        new("attention", ["attention"], Sum, random => [Attention(random)]),
        new("softmax", ["softmax"], Function, random => [Softmax(random)]),
        new("layer normalization", ["normalize"], 1e-4, random => [LayerNormalization(random)]),
        new("group normalization", ["group normalization"], 1e-4, random => [GroupNormalization(random)]),
        new("batch normalization", ["batch normalization"], Function, random => [BatchNormalization(random)]),
        new("functions", ["unary math"], Function, random => [Functions(random)]),
        new("range of numbers", ["softmax", "attention", "pooling", "normalize", "xnn reduce", "xnn_binary_"], NumberRanges.Tolerance, NumberRanges.Cases),
        new("range of convolutions", ["xnn convolution", "winograd convolution", "patch convolution", "xnn grouped convolution", "convolution of small groups", "xnn deconvolution"], NumberRanges.Tolerance, NumberRanges.Convolutions),
        new("activations", [], Function, random => [Activations(random)]),
        new("arithmetic", ["xnn_binary_"], 1e-6, random => [Arithmetic(random)]),
        new("whole numbers", [], Exact, _ => [WholeNumbers()]),
        new("reduction", ["xnn reduce"], Sum, random => [Reduction(random)]),
        new("pooling", ["pooling"], Sum, random => [Pooling(random)]),
        new("resize", ["xnn resize bilinear", "interpolate", "resize nearest"], Sum, random => [Resize(random)]),
        new("transposition", ["transpose"], Exact, random => [Transposition(random)]),
        new("moving data", ["concatenate", "pad"], Exact, random => [MovingData(random)]),
        new("gathering", ["gather"], Exact, random => [Gathering(random)]),
        new("searching", ["top k", "arg max"], Exact, random => [Searching(random)]),
        new("quantization", ["quantize"], Exact, random => [Quantization(random)]),
        new("half precision", ["cast"], 1e-3, random => [HalfPrecision(random)]),
        new("recurrent layers", ["lstm"], Sum, random => [Recurrent(random)]),
    ];

    private static SelfTestCase Convolution(Random random, int[] x, int[] w, int stride, int groups)
    {
        // A plain image has no depth.
        long[] Dimensions(int[] shape) => [.. shape.Select(size => (long)size).Where((_, axis) => axis != 2 || x[2] > 1)];
        long[] PerAxis(long value) => [.. Enumerable.Repeat(value, x[2] > 1 ? 3 : 2)];
        long pad = w[4] > 1 ? 1 : 0;
        TensorBuffer image = Random(random, Dimensions(x));
        TensorBuffer weight = Random(random, Dimensions(w));
        TensorBuffer bias = Random(random, w[0]);
        return new SelfTestCase(
            new SelfTestModel().Input("x", image).Constant("w", weight).Constant("b", bias)
                .Node("Conv", ["x", "w", "b"], ["y"], ("pads", (long[])[.. PerAxis(pad), .. PerAxis(pad)]), ("strides", PerAxis(stride)), ("group", groups))
                .Output("y"),
            Reference.Convolution(Values(image), Values(weight), Values(bias), x, w, stride, (int)pad, groups));
    }

    // Each layer writes what the next one expands.
    private static SelfTestCase StoredActivations(Random random)
    {
        TensorBuffer image = Random(random, 1, 19, 30, 33);
        SelfTestModel model = new SelfTestModel().Input("x0", image);
        double[] expected = Values(image);
        (int Inputs, int Outputs, int Kernel, int Stride, int Height, int Width)[] layers = [(19, 50, 1, 1, 30, 33), (50, 49, 3, 1, 30, 33), (49, 21, 3, 2, 30, 33), (21, 3, 1, 1, 15, 17)];
        for (int i = 0; i < layers.Length; i++)
        {
            (int inputs, int outputs, int kernel, int stride, int height, int width) = layers[i];
            int pad = kernel / 2;
            TensorBuffer weight = RandomBetween(random, -0.2, 0.2, outputs, inputs, kernel, kernel);
            model.Constant($"w{i}", weight).Node("Conv", [$"x{i}", $"w{i}"], [$"x{i + 1}"], ("pads", (long[])[pad, pad, pad, pad]), ("strides", (long[])[stride, stride]));
            expected = Reference.Convolution(expected, Values(weight), new double[outputs], [1, inputs, 1, height, width], [outputs, inputs, 1, kernel, kernel], stride, pad, groups: 1);
        }

        return new SelfTestCase(model.Output($"x{layers.Length}"), expected);
    }

    private static SelfTestCase UpsampledConvolution(Random random)
    {
        TensorBuffer image = Random(random, 1, 50, 16, 17);
        TensorBuffer weight = Random(random, 49, 50, 3, 3);
        double[] doubled = Reference.ResizeNearest(Values(image), 50, 16, 17, 2);
        return new SelfTestCase(
            new SelfTestModel().Input("x", image).Constant("w", weight).Constant("scales", TensorBuffer.Create<float>([1, 1, 2, 2], 4))
                .Node("Resize", ["x", "", "scales"], ["u"], ("coordinate_transformation_mode", "asymmetric"), ("mode", "nearest"), ("nearest_mode", "floor"))
                .Node("Conv", ["u", "w"], ["y"], ("pads", (long[])[1, 1, 1, 1]))
                .Output("y"),
            Reference.Convolution(doubled, Values(weight), new double[49], [1, 50, 1, 32, 34], [49, 50, 1, 3, 3], stride: 1, pad: 1, groups: 1));
    }

    private static SelfTestCase Deconvolution(Random random)
    {
        TensorBuffer image = Random(random, 1, 9, 6, 5);
        TensorBuffer weight = Random(random, 9, 11, 3, 3);
        return new SelfTestCase(
            new SelfTestModel().Input("x", image).Constant("w", weight).Node("ConvTranspose", ["x", "w"], ["y"], ("strides", (long[])[2, 2])).Output("y"),
            Reference.Deconvolution(Values(image), Values(weight), 9, 6, 5, 11, 3, 2));
    }

    private static SelfTestCase FullyConnected(Random random, int rows, int inputs, int outputs, bool isHalf)
    {
        TensorBuffer x = Random(random, rows, inputs);
        TensorBuffer w = Random(random, inputs, outputs);
        SelfTestModel model = new SelfTestModel().Input("x", x);
        if (isHalf)
        {
            // Stored in half precision, computed in single precision.
            w = ToHalf(w);
            model.Constant("h", w).Node("Cast", ["h"], ["w"], ("to", (int)ElementType.Float32));
        }
        else
        {
            model.Constant("w", w);
        }

        return new SelfTestCase(model.Node("MatMul", ["x", "w"], ["y"]).Output("y"), Reference.MatMul(Values(x), Values(w), 1, rows, inputs, outputs));
    }

    // Whole numbers that few bits hold, with the ends of their ranges in each row, block and channel: nothing is rounded.
    private static SelfTestCase QuantizedFullyConnected(Random random, int rows, int inputs, int outputs, int least, int greatest)
    {
        const int Block = 32;
        TensorBuffer x = Whole(random, sbyte.MinValue, sbyte.MaxValue, rows, inputs);
        TensorBuffer w = Whole(random, least, greatest, inputs, outputs);
        for (int row = 0; row < rows; row++)
        {
            (x.Span<float>()[row * inputs], x.Span<float>()[row * inputs + 1]) = (sbyte.MinValue, sbyte.MaxValue);
        }

        for (int input = 0; input < inputs; input += Block)
        {
            w.Span<float>().Slice(input * outputs, outputs).Fill(least);
        }

        return new SelfTestCase(
            new SelfTestModel().Input("x", x).Constant("w", w).Node("MatMul", ["x", "w"], ["y"]).Output("y"), Reference.MatMul(Values(x), Values(w), 1, rows, inputs, outputs));
    }

    private static SelfTestCase QuantizedConvolution(Random random, int[] x, int[] w)
    {
        TensorBuffer image = Whole(random, sbyte.MinValue, sbyte.MaxValue, x[0], x[1], x[3], x[4]);
        TensorBuffer weight = Whole(random, -sbyte.MaxValue, sbyte.MaxValue, w[0], w[1], w[3], w[4]);
        for (int i = 0; i < x[0]; i++)
        {
            int start = i * x[1] * x[3] * x[4];
            (image.Span<float>()[start], image.Span<float>()[start + 1]) = (sbyte.MinValue, sbyte.MaxValue);
        }

        for (int channel = 0; channel < w[0]; channel++)
        {
            weight.Span<float>()[channel * w[1] * w[3] * w[4]] = sbyte.MaxValue;
        }

        TensorBuffer bias = Random(random, w[0]);
        return new SelfTestCase(
            new SelfTestModel().Input("x", image).Constant("w", weight).Constant("b", bias).Node("Conv", ["x", "w", "b"], ["y"], ("pads", (long[])[1, 1, 1, 1])).Output("y"),
            Reference.Convolution(Values(image), Values(weight), Values(bias), x, w, 1, 1, 1));
    }

    // Data and weights of the whole range of 8 bits, and nothing but their least number in a row and a column.
    private static SelfTestCase WholeProducts(Random random)
    {
        const int Rows = 9, Inputs = 131, Outputs = 37;
        const float Step = 8209;
        TensorBuffer x = Whole(random, sbyte.MinValue, sbyte.MaxValue, Rows, Inputs);
        x.Span<float>()[..Inputs].Fill(sbyte.MinValue);
        TensorBuffer w = Bytes(random, Inputs, Outputs);
        for (int input = 0; input < Inputs; input++)
        {
            w.Span<sbyte>()[input * Outputs] = sbyte.MinValue;
        }

        double[] sums = Reference.MatMul(Values(x), Values(w), 1, Rows, Inputs, Outputs);
        return new SelfTestCase(
            Quantized(x, w, Step).Node("MatMul", ["d", "v"], ["p"]).Node("QuantizeLinear", ["p", "step", "zero"], ["q"]).Node("DequantizeLinear", ["q", "step", "zero"], ["y"]).Output("y"),
            [.. sums.Select(sum => Math.Clamp(Math.Round(sum / Step), sbyte.MinValue, sbyte.MaxValue) * Step)]);
    }

    private static SelfTestCase WholeConvolution(Random random)
    {
        const float Step = 8209;
        TensorBuffer x = Whole(random, sbyte.MinValue, sbyte.MaxValue, 1, 37, 9, 10);
        x.Span<float>()[..(37 * 30)].Fill(sbyte.MinValue);
        TensorBuffer w = Bytes(random, 21, 37, 3, 3);
        w.Span<sbyte>()[..(37 * 9)].Fill(sbyte.MinValue);
        double[] sums = Reference.Convolution(Values(x), Values(w), new double[21], [1, 37, 1, 9, 10], [21, 37, 1, 3, 3], 1, 1, 1);
        return new SelfTestCase(
            Quantized(x, w, Step).Node("Conv", ["d", "v"], ["p"], ("pads", (long[])[1, 1, 1, 1])).Node("QuantizeLinear", ["p", "step", "zero"], ["q"]).Node("DequantizeLinear", ["q", "step", "zero"], ["y"]).Output("y"),
            [.. sums.Select(sum => Math.Clamp(Math.Round(sum / Step), sbyte.MinValue, sbyte.MaxValue) * Step)]);
    }

    // Data d that was 8-bit integers, and a weight v that is.
    private static SelfTestModel Quantized(TensorBuffer x, TensorBuffer w, float step) => new SelfTestModel().Input("x", x).Constant("w", w)
        .Constant("one", TensorBuffer.Create<float>([1])).Constant("step", TensorBuffer.Create<float>([step])).Constant("zero", TensorBuffer.Create<sbyte>([0]))
        .Node("QuantizeLinear", ["x", "one", "zero"], ["i"]).Node("DequantizeLinear", ["i", "one", "zero"], ["d"]).Node("DequantizeLinear", ["w", "one", "zero"], ["v"]);

    private static TensorBuffer Bytes(Random random, params long[] shape)
    {
        TensorBuffer tensor = new(ElementType.Int8, new Shape(shape));
        foreach (ref sbyte element in tensor.Span<sbyte>())
        {
            element = (sbyte)random.Next(sbyte.MinValue, sbyte.MaxValue + 1);
        }

        return tensor;
    }

    private static TensorBuffer Whole(Random random, int least, int greatest, params long[] shape)
    {
        TensorBuffer tensor = Random(random, shape);
        foreach (ref float element in tensor.Span<float>())
        {
            element = random.Next(least, greatest + 1);
        }

        return tensor;
    }

    private static SelfTestCase ActivatedFullyConnected(Random random)
    {
        TensorBuffer x = Random(random, 5, 65);
        TensorBuffer w = Random(random, 65, 97);
        double[] product = Reference.MatMul(Values(x), Values(w), 1, 5, 65, 97);
        return new SelfTestCase(
            new SelfTestModel().Input("x", x).Constant("w", w)
                .Node("MatMul", ["x", "w"], ["p"]).Node("Sigmoid", ["p"], ["s"]).Node("Mul", ["p", "s"], ["y"])
                .Output("y"),
            [.. product.Select(p => p * Reference.Sigmoid(p))]);
    }

    private static SelfTestCase GatedFullyConnected(Random random)
    {
        const int Rows = 7, Inputs = 40, Outputs = 66;
        TensorBuffer x = Random(random, Rows, Inputs);
        TensorBuffer w = RandomBetween(random, -0.5, 0.5, Inputs, 2 * Outputs);
        TensorBuffer b = Random(random, 2 * Outputs);
        double[] product = Reference.MatMul(Values(x), Values(w), 1, Rows, Inputs, 2 * Outputs);
        double[] bias = Values(b);
        return new SelfTestCase(
            new SelfTestModel().Input("x", x).Constant("w", w).Constant("b", b)
                .Constant("root", TensorBuffer.Create<float>([MathF.Sqrt(2)])).Constant("one", TensorBuffer.Create<float>([1])).Constant("half", TensorBuffer.Create<float>([0.5f]))
                .Constant("sizes", TensorBuffer.Create<long>([Outputs, Outputs], 2))
                .Node("MatMul", ["x", "w"], ["p"]).Node("Add", ["b", "p"], ["q"]).Node("Split", ["q", "sizes"], ["a", "g"], ("axis", -1))
                .Node("Div", ["g", "root"], ["d"]).Node("Erf", ["d"], ["e"]).Node("Add", ["e", "one"], ["f"]).Node("Mul", ["g", "f"], ["h"]).Node("Mul", ["h", "half"], ["i"])
                .Node("Mul", ["a", "i"], ["y"])
                .Output("y"),
            [
                .. from row in Enumerable.Range(0, Rows)
                   from column in Enumerable.Range(0, Outputs)
                   let value = product[(row * 2 * Outputs) + column] + bias[column]
                   let gate = product[(row * 2 * Outputs) + Outputs + column] + bias[Outputs + column]
                   select value * Reference.Gelu(gate),
            ]);
    }

    private static SelfTestCase RowsInTiles(Random random)
    {
        const int Rows = 1024, Size = 12, Hidden = 2112;
        TensorBuffer x = Random(random, Rows, Size);
        TensorBuffer up = Random(random, Size, Hidden);
        TensorBuffer down = RandomBetween(random, -0.1, 0.1, Hidden, Size);
        double[] hidden = Reference.MatMul(Values(x), Values(up), 1, Rows, Size, Hidden);
        return new SelfTestCase(
            new SelfTestModel().Input("x", x).Constant("u", up).Constant("d", down)
                .Node("MatMul", ["x", "u"], ["h"]).Node("Sigmoid", ["h"], ["s"]).Node("Mul", ["h", "s"], ["a"]).Node("MatMul", ["a", "d"], ["y"])
                .Output("y"),
            Reference.MatMul([.. hidden.Select(h => h * Reference.Sigmoid(h))], Values(down), 1, Rows, Hidden, Size));
    }

    private static SelfTestCase MatrixProducts(Random random)
    {
        TensorBuffer a = Random(random, 2, 3, 7, 19);
        TensorBuffer b = Random(random, 2, 3, 19, 11);
        return new SelfTestCase(
            new SelfTestModel().Input("a", a).Input("b", b).Node("MatMul", ["a", "b"], ["y"]).Output("y"),
            Reference.MatMul(Values(a), Values(b), 6, 7, 19, 11));
    }

    private static SelfTestCase Attention(Random random)
    {
        const int Heads = 4, Queries = 33, Keys = 29, Size = 40;
        TensorBuffer q = Random(random, 1, Heads, Queries, Size);
        TensorBuffer k = Random(random, 1, Heads, Keys, Size);
        TensorBuffer v = Random(random, 1, Heads, Keys, Size);
        return new SelfTestCase(
            new SelfTestModel().Input("q", q).Input("k", k).Input("v", v).Constant("scale", TensorBuffer.Create<float>([1 / MathF.Sqrt(Size)]))
                .Node("Transpose", ["k"], ["t"], ("perm", (long[])[0, 1, 3, 2])).Node("MatMul", ["q", "t"], ["p"]).Node("Mul", ["p", "scale"], ["s"])
                .Node("Softmax", ["s"], ["w"], ("axis", -1)).Node("MatMul", ["w", "v"], ["y"])
                .Output("y"),
            Reference.Attention(Values(q), Values(k), Values(v), Heads, Queries, Keys, Size));
    }

    private static SelfTestCase Softmax(Random random)
    {
        TensorBuffer x = RandomBetween(random, -30, 30, 5, 77);
        return new SelfTestCase(new SelfTestModel().Input("x", x).Node("Softmax", ["x"], ["y"], ("axis", -1)).Output("y"), Reference.Rows(Values(x), 77, Reference.Softmax));
    }

    private static SelfTestCase LayerNormalization(Random random)
    {
        const int Size = 83;
        TensorBuffer x = Random(random, 6, Size);
        TensorBuffer scale = Random(random, Size);
        TensorBuffer bias = Random(random, Size);
        (double[] s, double[] b) = (Values(scale), Values(bias));
        return new SelfTestCase(
            new SelfTestModel().Input("x", x).Constant("s", scale).Constant("b", bias).Node("LayerNormalization", ["x", "s", "b"], ["y"], ("axis", -1), ("epsilon", 1e-5f)).Output("y"),
            Reference.Rows(Values(x), Size, row => Reference.Normalize(row, 1e-5).Select((value, i) => (value * s[i]) + b[i])));
    }

    private static SelfTestCase GroupNormalization(Random random)
    {
        // As exporters spell it; it becomes one step.
        const int Channels = 12, Groups = 4, Pixels = 7 * 9;
        TensorBuffer x = Random(random, 1, Channels, 7, 9);
        TensorBuffer scale = Random(random, Channels, 1, 1);
        TensorBuffer bias = Random(random, Channels, 1, 1);
        double[] normalized = Reference.Rows(Values(x), Channels / Groups * Pixels, row => Reference.Normalize(row, 1e-5));
        (double[] s, double[] b) = (Values(scale), Values(bias));
        return new SelfTestCase(
            new SelfTestModel().Input("x", x).Constant("s", scale).Constant("b", bias)
                .Constant("groups", TensorBuffer.Create<long>([1, Groups, -1], 3)).Constant("shape", TensorBuffer.Create<long>([1, Channels, 7, 9], 4))
                .Constant("ones", TensorBuffer.Create<float>([1, 1, 1, 1], Groups)).Constant("zeros", TensorBuffer.Create<float>([0, 0, 0, 0], Groups))
                .Node("Reshape", ["x", "groups"], ["g"]).Node("InstanceNormalization", ["g", "ones", "zeros"], ["n"], ("epsilon", 1e-5f)).Node("Reshape", ["n", "shape"], ["r"])
                .Node("Mul", ["r", "s"], ["m"]).Node("Add", ["m", "b"], ["y"])
                .Output("y"),
            [.. normalized.Select((value, i) => (value * s[i / Pixels]) + b[i / Pixels])]);
    }

    private static SelfTestCase BatchNormalization(Random random)
    {
        const int Channels = 11, Pixels = 5 * 7;
        TensorBuffer x = Random(random, 1, Channels, 5, 7);
        TensorBuffer scale = Random(random, Channels);
        TensorBuffer bias = Random(random, Channels);
        TensorBuffer mean = Random(random, Channels);
        TensorBuffer variance = RandomBetween(random, 0.5, 2, Channels);
        (double[] s, double[] b, double[] m, double[] v) = (Values(scale), Values(bias), Values(mean), Values(variance));
        return new SelfTestCase(
            new SelfTestModel().Input("x", x).Constant("s", scale).Constant("b", bias).Constant("m", mean).Constant("v", variance)
                .Node("BatchNormalization", ["x", "s", "b", "m", "v"], ["y"], ("epsilon", 1e-5f)).Output("y"),
            [.. Values(x).Select((value, i) => ((value - m[i / Pixels]) / Math.Sqrt(v[i / Pixels] + 1e-5) * s[i / Pixels]) + b[i / Pixels])]);
    }

    private static SelfTestCase Functions(Random random) => ElementByElement(
        random,
        17,
        ("Abs", Math.Abs),
        ("Ceil", Math.Ceiling),
        ("Cos", Math.Cos),
        ("Erf", Reference.Erf),
        ("Exp", Math.Exp),
        ("Floor", Math.Floor),
        ("Neg", x => -x),
        ("Relu", x => Math.Max(0, x)),
        ("Sigmoid", Reference.Sigmoid),
        ("Sin", Math.Sin),
        ("Softplus", x => Math.Log(1 + Math.Exp(x))),
        ("Tanh", Math.Tanh));

    private static SelfTestCase Activations(Random random) => ElementByElement(
        random,
        20,
        ("Elu", x => x < 0 ? Math.Exp(x) - 1 : x),
        ("Gelu", Reference.Gelu),
        ("HardSwish", x => x * Math.Clamp((x / 6) + 0.5, 0, 1)),
        ("LeakyRelu", x => x < 0 ? 0.01 * x : x),
        ("Mish", x => x * Math.Tanh(Math.Log(1 + Math.Exp(x)))),
        ("Selu", x => 1.0507009873554805 * (x < 0 ? 1.6732632423543772 * (Math.Exp(x) - 1) : x)),
        ("Softsign", x => x / (1 + Math.Abs(x))));

    private static SelfTestCase ElementByElement(Random random, int operatorSet, params (string Operator, Func<double, double> Function)[] functions)
    {
        TensorBuffer x = RandomBetween(random, -4, 4, 3, 67);
        SelfTestModel model = new SelfTestModel(operatorSet).Input("x", x);
        List<double[]> expected = [];
        foreach ((string name, Func<double, double> function) in functions)
        {
            model.Node(name, ["x"], [name]).Output(name);
            expected.Add([.. Values(x).Select(function)]);
        }

        return new SelfTestCase(model, [.. expected]);
    }

    private static SelfTestCase Arithmetic(Random random)
    {
        const int Columns = 45;
        TensorBuffer x = Random(random, 7, Columns);
        TensorBuffer y = RandomBetween(random, 0.5, 2, 7, Columns);
        TensorBuffer row = RandomBetween(random, 0.5, 2, Columns);
        (double[] a, double[] b, double[] r) = (Values(x), Values(y), Values(row));
        return new SelfTestCase(
            new SelfTestModel().Input("x", x).Input("y", y).Input("r", row)
                .Node("Add", ["x", "y"], ["add"]).Output("add")
                .Node("Sub", ["x", "r"], ["sub"]).Output("sub")
                .Node("Mul", ["r", "x"], ["mul"]).Output("mul")
                .Node("Div", ["x", "y"], ["div"]).Output("div")
                .Node("Max", ["x", "y"], ["max"]).Output("max")
                .Node("Greater", ["x", "r"], ["greater"]).Output("greater", ElementType.Bool)
                .Node("Where", ["greater", "x", "y"], ["where"]).Output("where"),
            [.. a.Zip(b, (p, q) => p + q)],
            [.. a.Select((p, i) => p - r[i % Columns])],
            [.. a.Select((p, i) => p * r[i % Columns])],
            [.. a.Zip(b, (p, q) => p / q)],
            [.. a.Zip(b, Math.Max)],
            [.. a.Select((p, i) => p > r[i % Columns] ? 1.0 : 0)],
            [.. a.Select((p, i) => p > r[i % Columns] ? p : b[i])]);
    }

    private static SelfTestCase WholeNumbers()
    {
        long[] x = [.. Enumerable.Range(-20, 41).Select(i => (long)i * i * i)];
        return new SelfTestCase(
            new SelfTestModel().Input("x", TensorBuffer.Create<long>(x, x.Length)).Constant("seven", TensorBuffer.Create<long>([7]))
                .Node("Add", ["x", "seven"], ["add"]).Output("add", ElementType.Int64)
                .Node("Mul", ["x", "seven"], ["mul"]).Output("mul", ElementType.Int64)
                .Node("Div", ["x", "seven"], ["div"]).Output("div", ElementType.Int64)
                .Node("Equal", ["x", "seven"], ["equal"]).Output("equal", ElementType.Bool)
                .Node("Cast", ["x"], ["cast"], ("to", (int)ElementType.Int32)).Output("cast", ElementType.Int32),
            [.. x.Select(value => (double)(value + 7))],
            [.. x.Select(value => (double)(value * 7))],
            [.. x.Select(value => (double)(value / 7))],
            [.. x.Select(value => value == 7 ? 1.0 : 0)],
            [.. x.Select(value => (double)value)]);
    }

    private static SelfTestCase Reduction(Random random)
    {
        TensorBuffer x = Random(random, 6, 53);
        double[][] rows = [.. Values(x).Chunk(53)];
        SelfTestModel model = new SelfTestModel().Input("x", x).Constant("axes", TensorBuffer.Create<long>([1], 1));
        foreach (string name in (string[])["ReduceMean", "ReduceMax", "ReduceL2", "ReduceLogSumExp"])
        {
            model.Node(name, ["x"], [name], ("axes", (long[])[1])).Output(name);
        }

        return new SelfTestCase(
            model.Node("ReduceSum", ["x", "axes"], ["sum"]).Output("sum"),
            [.. rows.Select(row => row.Average())],
            [.. rows.Select(row => row.Max())],
            [.. rows.Select(row => Math.Sqrt(row.Sum(value => value * value)))],
            [.. rows.Select(row => Math.Log(row.Sum(Math.Exp)))],
            [.. rows.Select(row => row.Sum())]);
    }

    private static SelfTestCase Pooling(Random random)
    {
        TensorBuffer x = Random(random, 1, 21, 9, 11);
        long[] kernel = [3, 3];
        long[] strides = [2, 2];
        return new SelfTestCase(
            new SelfTestModel().Input("x", x)
                .Node("MaxPool", ["x"], ["max"], ("kernel_shape", kernel), ("strides", strides)).Output("max")
                .Node("AveragePool", ["x"], ["mean"], ("kernel_shape", kernel), ("strides", strides)).Output("mean"),
            Reference.Pool(Values(x), 21, 9, 11, 3, 2, Enumerable.Max),
            Reference.Pool(Values(x), 21, 9, 11, 3, 2, Enumerable.Average));
    }

    private static SelfTestCase Resize(Random random)
    {
        // XNNPACK wants channels last.
        const int Channels = 13, Height = 6, Width = 7, Pixels = Height * Width;
        TensorBuffer x = Random(random, 1, Channels, Height, Width);
        TensorBuffer last = Random(random, 1, Height, Width, Channels);
        double[] planes = Reference.Transpose(Values(last), 1, Pixels, Channels);
        return new SelfTestCase(
            new SelfTestModel().Input("x", x).Input("l", last).Constant("scales", TensorBuffer.Create<float>([1, 1, 2, 2], 4)).Constant("s", TensorBuffer.Create<float>([1, 2, 2, 1], 4))
                .Node("Resize", ["x", "", "scales"], ["linear"], ("mode", "linear")).Output("linear")
                .Node("Resize", ["l", "", "s"], ["last"], ("mode", "linear")).Output("last")
                .Node("Resize", ["x", "", "scales"], ["nearest"], ("mode", "nearest"), ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor")).Output("nearest"),
            Reference.ResizeBilinear(Values(x), Channels, Height, Width, 2),
            Reference.Transpose(Reference.ResizeBilinear(planes, Channels, Height, Width, 2), 1, Channels, 4 * Pixels),
            Reference.ResizeNearest(Values(x), Channels, Height, Width, 2));
    }

    private static SelfTestCase Transposition(Random random)
    {
        TensorBuffer x = Random(random, 3, 17, 13);
        return new SelfTestCase(
            new SelfTestModel().Input("x", x).Node("Transpose", ["x"], ["y"], ("perm", (long[])[0, 2, 1])).Output("y"),
            Reference.Transpose(Values(x), 3, 17, 13));
    }

    private static SelfTestCase MovingData(Random random)
    {
        TensorBuffer x = Random(random, 4, 9);
        TensorBuffer y = Random(random, 4, 6);
        double[][] left = [.. Values(x).Chunk(9)];
        double[][] right = [.. Values(y).Chunk(6)];
        return new SelfTestCase(
            new SelfTestModel().Input("x", x).Input("y", y)
                .Constant("from", TensorBuffer.Create<long>([2], 1)).Constant("to", TensorBuffer.Create<long>([8], 1)).Constant("axis", TensorBuffer.Create<long>([1], 1)).Constant("step", TensorBuffer.Create<long>([3], 1))
                .Constant("pads", TensorBuffer.Create<long>([0, 2, 0, 1], 4))
                .Node("Concat", ["x", "y"], ["joined"], ("axis", 1)).Output("joined")
                .Node("Slice", ["x", "from", "to", "axis", "step"], ["part"]).Output("part")
                .Node("Pad", ["y", "pads"], ["padded"]).Output("padded"),
            [.. left.Zip(right).SelectMany(rows => rows.First.Concat(rows.Second))],
            [.. left.SelectMany(row => (double[])[row[2], row[5]])],
            [.. right.SelectMany(row => (double[])[0, 0, .. row, 0])]);
    }

    private static SelfTestCase Gathering(Random random)
    {
        // The second table is large enough to stay in the model's file, where its rows are read.
        TensorBuffer x = Random(random, 5, 7);
        TensorBuffer table = Random(random, 90, 33);
        long[] indices = [88, 0, 3, 3, 41];
        double[][] rows = [.. Values(table).Chunk(33)];
        return new SelfTestCase(
            new SelfTestModel().Input("x", x).Input("i", TensorBuffer.Create<long>(indices, indices.Length)).Constant("t", table).Constant("j", TensorBuffer.Create<long>([4, 0, 6], 3))
                .Node("Gather", ["x", "j"], ["columns"], ("axis", 1)).Output("columns")
                .Node("Gather", ["t", "i"], ["rows"], ("axis", 0)).Output("rows"),
            [.. Values(x).Chunk(7).SelectMany(row => (double[])[row[4], row[0], row[6]])],
            [.. indices.SelectMany(index => rows[index])]);
    }

    private static SelfTestCase Searching(Random random)
    {
        TensorBuffer x = Random(random, 6, 31);
        double[][] rows = [.. Values(x).Chunk(31)];
        return new SelfTestCase(
            new SelfTestModel().Input("x", x).Constant("k", TensorBuffer.Create<long>([3], 1))
                .Node("TopK", ["x", "k"], ["values", "indices"]).Output("values").Output("indices", ElementType.Int64)
                .Node("ArgMax", ["x"], ["largest"], ("axis", 1)).Output("largest", ElementType.Int64),
            [.. rows.SelectMany(row => row.OrderDescending().Take(3))],
            [.. rows.SelectMany(row => row.OrderDescending().Take(3).Select(value => (double)Array.IndexOf(row, value)))],
            [.. rows.Select(row => (double)Array.IndexOf(row, row.Max()))]);
    }

    private static SelfTestCase Quantization(Random random)
    {
        // A scale that is a power of two makes the quotients exact, so that both round alike.
        const double Scale = 1.0 / 64;
        const int Zero = 128;
        TensorBuffer x = RandomBetween(random, -2.5, 2.5, 3, 71);
        double[] quantized = [.. Values(x).Select(value => Math.Clamp(Math.Round(value / Scale, MidpointRounding.ToEven) + Zero, 0, 255))];
        return new SelfTestCase(
            new SelfTestModel().Input("x", x).Constant("s", TensorBuffer.Create<float>([(float)Scale])).Constant("z", TensorBuffer.Create<byte>([Zero]))
                .Node("QuantizeLinear", ["x", "s", "z"], ["q"]).Output("q", ElementType.UInt8)
                .Node("DequantizeLinear", ["q", "s", "z"], ["d"]).Output("d"),
            quantized,
            [.. quantized.Select(value => (value - Zero) * Scale)]);
    }

    private static SelfTestCase HalfPrecision(Random random)
    {
        TensorBuffer x = ToHalf(Random(random, 6, 35));
        TensorBuffer y = ToHalf(Random(random, 6, 35));
        (double[] a, double[] b) = (Values(x), Values(y));
        return new SelfTestCase(
            new SelfTestModel().Input("x", x).Input("y", y)
                .Node("Mul", ["x", "y"], ["product"]).Output("product", ElementType.Float16)
                .Node("Tanh", ["x"], ["tanh"]).Output("tanh", ElementType.Float16)
                .Node("Cast", ["x"], ["single"], ("to", (int)ElementType.Float32)).Output("single"),
            [.. a.Zip(b, (p, q) => p * q)],
            [.. a.Select(Math.Tanh)],
            a);
    }

    private static SelfTestCase Recurrent(Random random)
    {
        const int Steps = 5, Inputs = 7, Hidden = 6;
        TensorBuffer x = Random(random, Steps, 1, Inputs);
        TensorBuffer w = Random(random, 1, 4 * Hidden, Inputs);
        TensorBuffer r = Random(random, 1, 4 * Hidden, Hidden);
        return new SelfTestCase(
            new SelfTestModel().Input("x", x).Constant("w", w).Constant("r", r).Node("LSTM", ["x", "w", "r"], ["y"], ("hidden_size", Hidden)).Output("y"),
            Reference.Lstm(Values(x), Values(w), Values(r), Steps, Inputs, Hidden));
    }
}
