using static OnnxStream.Interop.Cli.SelfTests.Tensors;

namespace OnnxStream.Interop.Cli.SelfTests;

/// <summary>The kernels whose rates <c>selftest --speed</c> measures: one explicit list.</summary>
/// <remarks>Shapes are those of the middle of an image network or a transformer. What memory limits is larger than most processors' caches.</remarks>
internal static class SpeedFamilies
{
    private const long Floats = sizeof(float);

    // 16 million numbers.
    private const long Side = 4096;

    /// <summary>All families.</summary>
    public static IReadOnlyList<SpeedFamily> All { get; } =
    [
        new("convolution 1x1", "xnn fully connected", SpeedLimit.Arithmetic, random => Convolution(random, 320, 64, 1, 1)),
        new("convolution 3x3", "xnn convolution", SpeedLimit.Arithmetic, random => Convolution(random, 320, 64, 3, 2)),
        new("winograd convolution", "winograd convolution", SpeedLimit.Arithmetic, random => Convolution(random, 256, 64, 3, 1)),
        new("grouped convolution", "grouped convolution", SpeedLimit.Memory, random => Convolution(random, 256, 128, 3, 1, groups: 256)) { Bytes = 2 * 256 * 128 * 128 * Floats },
        new("convolution 3x3, int8 panels", "xnn convolution, int8", SpeedLimit.Arithmetic, random => Convolution(random, 320, 64, 3, 2)) { PanelType = ElementType.Int8 },
        new("fully connected", "xnn fully connected", SpeedLimit.Arithmetic, random => FullyConnected(random, 1024)),
        new("fully connected, int8 panels", "xnn fully connected, int8", SpeedLimit.Arithmetic, random => FullyConnected(random, 1024)) { PanelType = ElementType.Int8 },
        new("fully connected, int4 panels", "xnn fully connected, int4", SpeedLimit.Arithmetic, random => FullyConnected(random, 1024)) { PanelType = ElementType.Int4 },
        new("one row, int4 weights", "few rows", SpeedLimit.Memory, OneRow) { Bytes = OneRowBytes },
        new("attention", "attention", SpeedLimit.Arithmetic, Attention),
        new("softmax", "softmax", SpeedLimit.Memory, random => Rows(random, "Softmax")) { Bytes = 2 * Side * Side * Floats },
        new("layer normalization", "normalize", SpeedLimit.Memory, LayerNormalization) { Bytes = 2 * Side * Side * Floats },
        new("sigmoid", "unary math", SpeedLimit.Memory, random => Rows(random, "Sigmoid")) { Bytes = 2 * Side * Side * Floats },
        new("addition", "xnn_binary_add", SpeedLimit.Memory, Addition) { Bytes = 3 * Side * Side * Floats },
        new("transposition", "transpose", SpeedLimit.Memory, random => Rows(random, "Transpose")) { Bytes = 2 * Side * Side * Floats },
    ];

    // Matrices of more than a cache: 4 bits and a scale for each 32 of them.
    private const int OneRowInputs = 4096, OneRowOutputs = 32768, OneRowBlock = 32;
    private const long OneRowBytes = (long)OneRowInputs * OneRowOutputs / 2 + (long)OneRowInputs / OneRowBlock * OneRowOutputs * Floats;

    private static SelfTestModel Convolution(Random random, int channels, int size, int kernel, int stride, int groups = 1)
    {
        long pad = kernel / 2;
        return new SelfTestModel().Input("x", Random(random, 1, channels, size, size)).Constant("w", RandomBetween(random, -0.1, 0.1, channels, channels / groups, kernel, kernel))
            .Node("Conv", ["x", "w"], ["y"], ("pads", (long[])[pad, pad, pad, pad]), ("strides", (long[])[stride, stride]), ("group", groups))
            .Output("y");
    }

    private static SelfTestModel FullyConnected(Random random, int size) =>
        new SelfTestModel().Input("x", Random(random, size, size)).Constant("w", Random(random, size, size)).Node("MatMul", ["x", "w"], ["y"]).Output("y");

    private static SelfTestModel OneRow(Random random)
    {
        TensorBuffer weight = new(ElementType.UInt8, new Shape(OneRowOutputs, OneRowInputs / OneRowBlock, OneRowBlock / 2));
        random.NextBytes(weight.Span<byte>());
        return new SelfTestModel().Import("com.microsoft", 1).Input("x", Random(random, 1, OneRowInputs)).Constant("w", weight).Constant("s", Random(random, OneRowOutputs * (OneRowInputs / OneRowBlock)))
            .Node("com.microsoft", "MatMulNBits", ["x", "w", "s"], ["y"], ("K", OneRowInputs), ("N", OneRowOutputs), ("bits", 4), ("block_size", OneRowBlock))
            .Output("y");
    }

    private static SelfTestModel Attention(Random random)
    {
        const int Heads = 8, Length = 2048, Size = 64;
        return new SelfTestModel().Input("q", Random(random, Heads, Length, Size)).Input("k", Random(random, Heads, Size, Length)).Input("v", Random(random, Heads, Length, Size))
            .Node("MatMul", ["q", "k"], ["scores"]).Node("Softmax", ["scores"], ["p"]).Node("MatMul", ["p", "v"], ["y"])
            .Output("y");
    }

    private static SelfTestModel Rows(Random random, string operatorType) => new SelfTestModel().Input("x", Random(random, Side, Side)).Node(operatorType, ["x"], ["y"]).Output("y");

    private static SelfTestModel LayerNormalization(Random random) =>
        new SelfTestModel().Input("x", Random(random, Side, Side)).Constant("scale", Random(random, Side)).Constant("bias", Random(random, Side))
            .Node("LayerNormalization", ["x", "scale", "bias"], ["y"])
            .Output("y");

    private static SelfTestModel Addition(Random random) =>
        new SelfTestModel().Input("a", Random(random, Side, Side)).Input("b", Random(random, Side, Side)).Node("Add", ["a", "b"], ["y"]).Output("y");
}
