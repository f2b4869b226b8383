namespace OnnxStream.Interop.Tests.Weights;

/// <summary>A small model with streamed weights of all kinds: convolution, matrices in panels and whole, a table, a plain constant.</summary>
internal static class SmallModel
{
    public static Dictionary<string, TensorBuffer> Inputs { get; } = new()
    {
        ["image"] = TestTensors.Floats(1, 1, 4, 6, 5),
        ["ids"] = TestTensors.Integers(3, 0, 99),
    };

    public static byte[] Onnx { get; } = Builder().ToBytes();

    public static Dictionary<string, TensorBuffer> Expected { get; } = Oracle.Run(Onnx, Inputs);

    /// <summary>Writes the model and returns its path.</summary>
    public static string Write(TemporaryFolder folder) => folder.Write("small.onnx", Onnx);

    public static void Check(RunResult result, string message)
    {
        foreach ((string name, TensorBuffer tensor) in Expected)
        {
            TestTensors.AssertClose(result[name], tensor, 1e-4, $"{message}: {name}");
        }
    }

    private static ModelBuilder Builder() => new ModelBuilder(13)
        .Input("image", ElementType.Float32, 1, 4, 6, 5).Input("ids", ElementType.Int64, 3)
        .Initializer("kernel", TestTensors.Floats(2, 70, 4, 3, 3)).Initializer("kernel.bias", TestTensors.Floats(3, 70))
        .Initializer("depthwise", TestTensors.Floats(4, 70, 1, 3, 3))
        .Initializer("shape", TestTensors.Integers(70, 30)).Initializer("left", TestTensors.Floats(5, 30, 300)).Initializer("right", TestTensors.Floats(6, 90, 300)).Initializer("right.bias", TestTensors.Floats(7, 90))
        .Initializer("table", TestTensors.Floats(8, 100, 30)).Initializer("plain", TestTensors.Floats(9, 70, 30))
        .Node("Conv", "image kernel kernel.bias", "c", ("pads", new[] { 1, 1, 1, 1 })).Node("Conv", "c depthwise", "d", ("pads", new[] { 1, 1, 1, 1 }), ("group", 70))
        .Node("Reshape", "d shape", "rows").Node("Add", "rows plain", "sum").Node("MatMul", "sum left", "m").Node("Sigmoid", "m", "s")
        .Node("Gemm", "s right right.bias", "g", ("transB", 1)).Node("Softmax", "g", "p")
        .Node("Gather", "table ids", "tokens").Node("MatMul", "tokens left", "t").Output("p").Output("t");
}
