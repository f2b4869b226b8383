namespace OnnxStream.Interop.Tests.Quantization;

/// <summary>Small networks with random weights for the tests of calibration and quantization.</summary>
internal static class QuantizationModels
{
    public const int Width = 96;

    /// <summary>Convolutions with and without activations behind them, a grouped one, a sum, and a layer with a bias at the end.</summary>
    public static ModelBuilder Image(int operatorSet = 17) => new ModelBuilder(operatorSet)
        .Input("x", ElementType.Float32, 1, 8, 20, 20).Output("y")
        .Initializer("a", TestTensors.Random(ElementType.Float32, 1, -0.2, 0.2, 32, 8, 3, 3)).Initializer("ab", TestTensors.Floats(11, 32))
        .Initializer("b", TestTensors.Random(ElementType.Float32, 2, -0.1, 0.1, 32, 32, 1, 1))
        .Initializer("g", TestTensors.Random(ElementType.Float32, 3, -0.3, 0.3, 32, 4, 3, 3)).Initializer("gb", TestTensors.Floats(12, 32))
        .Initializer("t", TestTensors.Random(ElementType.Float32, 4, -0.1, 0.1, 32, 16, 2, 2))
        .Initializer("w", TestTensors.Random(ElementType.Float32, 5, -0.02, 0.02, 40, 6400)).Initializer("wb", TestTensors.Floats(13, 40))
        .Node("Conv", "x a ab", "c", ("pads", new[] { 1, 1, 1, 1 })).Node("Relu", "c", "r")
        .Node("Conv", "r b", "d").Node("Add", "d r", "s").Node("Sigmoid", "s", "u").Node("Mul", "s u", "m")
        .Node("Conv", "m g gb", "e", ("pads", new[] { 1, 1, 1, 1 }), ("group", 8)).Node("Clip", operatorSet >= 11 ? "e low high" : "e", "k", operatorSet >= 11 ? [] : [("min", -4f), ("max", 4f)])
        .Initializer("low", TestTensors.Scalar(ElementType.Float32, -4)).Initializer("high", TestTensors.Scalar(ElementType.Float32, 4))
        .Node("AveragePool", "k", "p", ("kernel_shape", new[] { 2, 2 }), ("strides", new[] { 2, 2 }))
        .Node("ConvTranspose", "p t", "v", ("strides", new[] { 2, 2 }))
        .Node("Flatten", "v", "f").Node("Gemm", "f w wb", "y", ("transB", 1));

    /// <summary>A table of rows, products with and without a bias, and one of many rows that is no matrix.</summary>
    public static ModelBuilder Tokens() => new ModelBuilder(17)
        .Input("ids", ElementType.Int64, 12).Output("y")
        .Initializer("table", TestTensors.Floats(1, 50, Width))
        .Initializer("q", TestTensors.Random(ElementType.Float32, 2, -0.2, 0.2, Width, 2 * Width)).Initializer("qb", TestTensors.Floats(6, 2 * Width))
        .Initializer("o", TestTensors.Random(ElementType.Float32, 3, -0.1, 0.1, 2 * Width, 70))
        .Initializer("h", TestTensors.Random(ElementType.Float32, 4, -0.1, 0.1, 70, Width)).Initializer("hb", TestTensors.Floats(7, Width))
        .Node("Gather", "table ids", "e").Node("MatMul", "e q", "p").Node("Add", "p qb", "b").Node("Tanh", "b", "t")
        .Node("MatMul", "t o", "n").Node("Gemm", "n h hb", "y");

    public static Dictionary<string, OnnxValue> ImageInputs(int seed = 7) => new() { ["x"] = TestTensors.Floats(seed, 1, 8, 20, 20) };

    public static Dictionary<string, OnnxValue> TokenInputs() => new() { ["ids"] = TestTensors.Integers([.. Enumerable.Range(0, 12).Select(i => (long)(7 * i % 50))]) };

    public static Dictionary<string, TensorBuffer> Tensors(Dictionary<string, OnnxValue> inputs) => inputs.ToDictionary(pair => pair.Key, pair => (TensorBuffer)pair.Value);
}
