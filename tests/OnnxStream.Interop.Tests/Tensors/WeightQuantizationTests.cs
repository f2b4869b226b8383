using Google.Protobuf;
using OnnxStream.Interop.Onnx;

namespace OnnxStream.Interop.Tests.Tensors;

/// <summary>
/// Weights that a file holds as integers or small floats: each reader gives what it gives where weight and scales are inputs of the run, so that
/// nothing is known before, and plain operators dequantize them.
/// </summary>
[NativeMemoryLeakCheck]
public class WeightQuantizationTests
{
    private static readonly ElementType[] s_types =
    [
        ElementType.UInt8, ElementType.Int8, ElementType.UInt4, ElementType.Int4, ElementType.UInt2, ElementType.Int2, ElementType.Int16, ElementType.UInt16, ElementType.Int32,
        ElementType.Float8E4M3FN, ElementType.Float8E5M2, ElementType.Float4E2M1,
    ];

    [Test]
    public void EachTypeAsAMatrix([ValueSource(nameof(s_types))] ElementType type, [Values] bool isTransposed, [Values("tensor", "rows", "columns", "blocks of rows", "blocks of columns")] string scales, [Values(1, 3, 40)] int rows)
    {
        long[] shape = isTransposed ? [104, 192] : [192, 104];
        ModelBuilder builder = new ModelBuilder(25).Input("x", ElementType.Float32, rows, 192).Output("y");
        Dequantize(builder, shape, scales);
        Check(builder.Node("Gemm", "x w b", "y", ("transB", isTransposed ? 1 : 0)), type, shape, scales, TestTensors.Floats(1, rows, 192), ("b", TestTensors.Floats(2, 104)));
    }

    [Test]
    public void Products([Values("MatMul", "MatMul transposed", "MatMul activated", "MatMul transposed, activated", "Einsum")] string form, [Values(ElementType.UInt8, ElementType.Int4)] ElementType type, [Values("tensor", "rows", "columns", "blocks of rows", "blocks of columns")] string scales, [Values(1, 6, 50)] int rows, [Values(1, 2)] int threads)
    {
        long[] shape = form.StartsWith("MatMul transposed", StringComparison.Ordinal) ? [160, 224] : [224, 160];
        ModelBuilder builder = new ModelBuilder(25).Input("x", ElementType.Float32, 2, rows, 224).Output("y");
        Dequantize(builder, shape, scales);
        _ = form switch
        {
            "MatMul" => builder.Node("MatMul", "x w", "y"),
            "MatMul transposed" => builder.Node("Transpose", "w", "t", ("perm", new long[] { 1, 0 })).Node("MatMul", "x t", "y"),
            "MatMul transposed, activated" => builder.Node("Transpose", "w", "t", ("perm", new long[] { 1, 0 })).Node("MatMul", "x t", "p").Node("Sigmoid", "p", "s").Node("Mul", "p s", "y"),
            "MatMul activated" => builder.Node("MatMul", "x w", "p").Node("Sigmoid", "p", "s").Node("Mul", "p s", "y"),
            _ => builder.Node("Einsum", "x w", "y", ("equation", "abk,kn->abn")),
        };
        Check(builder, type, shape, scales, TestTensors.Floats(1, 2, rows, 224), threads: threads);
    }

    [Test]
    public void Convolutions([Values(1, 3)] int kernel, [Values(1, 2, 32)] int groups, [Values(ElementType.Int8, ElementType.UInt4)] ElementType type, [Values("tensor", "rows")] string scales, [Values] bool isTransposed)
    {
        // The last dimension of packed types is a multiple of 8, or the weight is no constant of a kernel.
        long[] shape = type == ElementType.UInt4 ? [32, 64 / groups, kernel, 8] : [32, 512 / groups, kernel, kernel];
        ModelBuilder builder = new ModelBuilder(25).Input("x", ElementType.Float32, 1, isTransposed ? 32 : shape[1] * groups, 11, 13).Output("y");
        Dequantize(builder, shape, scales);
        builder.Node(isTransposed ? "ConvTranspose" : "Conv", "x w", "y", ("group", groups), ("pads", new long[] { 1, 1, 1, 1 }));
        Check(builder, type, shape, scales, TestTensors.Floats(1, 1, isTransposed ? 32 : shape[1] * groups, 11, 13));
    }

    [Test]
    public void RowsThatIndicesName([ValueSource(nameof(s_types))] ElementType type, [Values("tensor", "rows", "columns", "blocks of rows", "blocks of columns")] string scales)
    {
        ModelBuilder builder = new ModelBuilder(25).Input("x", ElementType.Int64, 2, 3).Output("y");
        Dequantize(builder, [300, 96], scales);
        Check(builder.Node("Gather", "w x", "y"), type, [300, 96], scales, TensorBuffer.Create<long>([0, 299, -1, 17, 17, 150], 2, 3));
    }

    [Test]
    public void Parts([Values(ElementType.UInt8, ElementType.Int4)] ElementType type, [Values("tensor", "rows", "columns", "blocks of rows", "blocks of columns")] string scales)
    {
        // Slices of rows, and other shapes, are described without reading the weight.
        ModelBuilder builder = new ModelBuilder(25).Input("x", ElementType.Float32, 3, 160).Output("y").Output("z").Output("w");
        Dequantize(builder, [256, 160], scales);
        builder.Initializer("from", TestTensors.Integers(64)).Initializer("to", TestTensors.Integers(192)).Initializer("shape", TestTensors.Integers(4, 64, 160));
        builder.Node("Slice", "w from to", "s").Node("Transpose", "s", "t", ("perm", new long[] { 1, 0 })).Node("MatMul", "x t", "y").Node("Reshape", "w shape", "z");
        Check(builder, type, [256, 160], scales, TestTensors.Floats(1, 3, 160));
    }

    [Test]
    public void ABranchReadsIt([Values(ElementType.Int8, ElementType.UInt4)] ElementType type)
    {
        // A condition that is only known when it has been computed cuts the graph; the weight goes on to the branches as it is.
        ModelBuilder builder = new ModelBuilder(25).Input("x", ElementType.Float32, 3, 160).Output("y");
        Dequantize(builder, [160, 128], "blocks of rows");
        ModelBuilder yes = new ModelBuilder(25).Output("r").Node("MatMul", "x w", "r");
        ModelBuilder no = new ModelBuilder(25).Output("n").Node("MatMul", "x w", "m").Node("Neg", "m", "n");
        builder.Initializer("nought", TestTensors.Scalar(ElementType.Float32, 0)).Node("ReduceSum", "x", "sum", ("keepdims", 0)).Node("Greater", "sum nought", "c").Node("If", "c", "y", ("then_branch", yes.Graph), ("else_branch", no.Graph));
        Check(builder, type, [160, 128], "blocks of rows", TestTensors.Random(ElementType.Float32, 1, 0, 1, 3, 160));
        Check(builder, type, [160, 128], "blocks of rows", TestTensors.Random(ElementType.Float32, 1, -1, 0, 3, 160));
    }

    [Test]
    public void NothingIsWidenedAsAWhole([Values(1, 40)] int rows)
    {
        const int Size = 2048;
        ModelBuilder builder = new ModelBuilder(25).Input("x", ElementType.Float32, rows, Size).Output("y");
        Dequantize(builder, [Size, Size], "blocks of columns");
        builder.Node("Transpose", "w", "t", ("perm", new long[] { 1, 0 })).Node("MatMul", "x t", "y");
        using TemporaryFolder folder = new();
        Dictionary<string, TensorBuffer> weights = Weights(ElementType.UInt4, [Size, Size], "blocks of columns");
        foreach ((string name, TensorBuffer tensor) in weights)
        {
            builder.Initializer(name, tensor);
        }

        using InferenceSession session = new(folder.Write("model.onnx", builder.ToBytes()), new SessionOptions { ThreadCount = 1, KeptPanelBytes = 0 });
        RunResult result = session.Run(new Dictionary<string, TensorBuffer> { ["x"] = TestTensors.Floats(1, rows, Size) });

        // The weight has 2 MiB in the file and 16 MiB in single precision.
        Assert.That(result.Statistics.PeakNativeBytes, Is.LessThan(6 << 20));
    }

    private static void Dequantize(ModelBuilder builder, long[] shape, string scales)
    {
        (int axis, int block) = Place(shape, scales);
        (string, object)[] attributes = scales == "tensor" ? [] : block == 0 ? [("axis", axis)] : [("axis", axis), ("block_size", block)];
        builder.Node("DequantizeLinear", "numbers scales zeros", "w", attributes);
    }

    // Where one scale follows another, and after how many elements; 0 for one at each position.
    private static (int Axis, int Block) Place(long[] shape, string scales) => scales switch
    {
        "rows" => (0, 0),
        "columns" => (shape.Length - 1, 0),
        "blocks of rows" => (0, 32),
        "blocks of columns" => (shape.Length - 1, 32),
        _ => (0, 0),
    };

    private static Dictionary<string, TensorBuffer> Weights(ElementType type, long[] shape, string scales)
    {
        (int axis, int block) = Place(shape, scales);
        long[] blocks = scales == "tensor" ? [] : block == 0 ? [shape[axis]] : [.. shape.Select((length, i) => i == axis ? (length + block - 1) / block : length)];
        bool hasZeroPoints = !type.IsNarrowFloat() && type != ElementType.Int32;
        return new Dictionary<string, TensorBuffer>
        {
            ["numbers"] = TestTensors.Random(type, 5, type is ElementType.UInt2 or ElementType.UInt4 or ElementType.UInt8 or ElementType.UInt16 ? 0 : -2, 3, shape),
            ["scales"] = TestTensors.Random(ElementType.Float32, 6, 0.5, 1.5, blocks),
            ["zeros"] = hasZeroPoints ? TestTensors.Random(type, 7, 0, 2, blocks) : TestTensors.Random(type, 7, 0, 0, blocks),
        };
    }

    private static void Check(ModelBuilder builder, ElementType type, long[] shape, string scales, TensorBuffer data, (string Name, TensorBuffer Tensor)? other = null, int threads = 2)
    {
        Dictionary<string, TensorBuffer> weights = Weights(type, shape, scales);
        if (other is { } given)
        {
            weights.Add(given.Name, given.Tensor);
        }

        using TemporaryFolder folder = new();
        ModelProto asInputs = builder.Build().Clone();
        ModelProto asWeights = builder.Build().Clone();
        foreach ((string name, TensorBuffer tensor) in weights)
        {
            asInputs.Graph.Input.Add(ModelBuilder.Declare(name, tensor.ElementType, tensor.Shape.ToArray()));
            asWeights.Graph.Initializer.Add(ModelBuilder.Tensor(name, tensor));
        }

        Dictionary<string, TensorBuffer> inputs = new(weights) { ["x"] = data };
        using InferenceSession plain = new(folder.Write("inputs.onnx", asInputs.ToByteArray()));
        RunResult expected = plain.Run(inputs);
        foreach (bool hasStore in new[] { false, true })
        {
            SessionOptions options = new() { ThreadCount = threads, PanelStore = hasStore ? PanelStoreOptions.File(folder["model.panels"]) : PanelStoreOptions.Off };
            using InferenceSession session = new(folder.Write("weights.onnx", asWeights.ToByteArray()), options);
            for (int run = 0; run < 2; run++)
            {
                RunResult actual = session.Run(new Dictionary<string, TensorBuffer> { ["x"] = data });
                foreach (string name in expected.Outputs.Keys)
                {
                    TestTensors.AssertClose(actual[name], expected[name], 2e-5, $"{name}, store {hasStore}, run {run}");
                }
            }
        }
    }
}
