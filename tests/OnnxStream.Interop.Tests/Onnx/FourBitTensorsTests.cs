using Google.Protobuf;
using OnnxStream.Interop.Onnx;

namespace OnnxStream.Interop.Tests.Onnx;

[NativeMemoryLeakCheck]
public class FourBitTensorsTests
{
    private const int UInt4 = 21;
    private const int Int4 = 22;

    [Test]
    public void PerTensor([Values(UInt4, Int4)] int type, [Values] bool hasZero, [Values(new long[] { 3, 5 }, new long[] { 40, 100 }, new long[] { 400, 500 })] long[] dimensions) =>
        Check(Dequantized(type, dimensions, [], hasZero ? [] : null));

    [Test]
    public void PerAxis([Values(UInt4, Int4)] int type, [Values] bool hasZero) => Check(Dequantized(type, [6, 7], [7], hasZero ? [7] : null, ("axis", 1)));

    [Test]
    public void InBlocks([Values(UInt4, Int4)] int type, [Values] bool hasZero) => Check(Dequantized(type, [32, 48], [2, 48], hasZero ? [2, 48] : null, ("axis", 0), ("block_size", 16)));

    [Test]
    public void AsAWeight()
    {
        ModelBuilder builder = new(21);
        builder.Graph.Initializer.Add(Packed("w", Int4, 1, [64, 32]));
        builder.Initializer("s", TestTensors.Random(ElementType.Float32, 2, 0.01, 0.1, 4, 32)).Input("x", ElementType.Float32, 3, 64)
            .Node("DequantizeLinear", "w s", "d", ("axis", 0), ("block_size", 16)).Node("MatMul", "x d", "o").Output("o");
        byte[] model = builder.ToBytes();
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(3, 3, 64) };
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model));
        // ONNX Runtime would round activations to 8 bits if it fused this.
        TestTensors.AssertClose(session.Run(inputs)["o"], Oracle.Run(model, inputs, asWritten: true)["o"], 1e-4, "product");
    }

    [Test]
    public void IsMovedAndCast()
    {
        ModelBuilder builder = new(21);
        TensorProto tensor = Packed("w", Int4, 1, [4, 3]);
        builder.Graph.Initializer.Add(tensor);
        byte[] model = builder.Node("Transpose", "w", "t").Node("Reshape", "t shape", "r").Initializer("shape", TestTensors.Integers(2, 6)).Node("Cast", "r", "o", ("to", 1)).Output("o").ToBytes();
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model));
        double[] numbers = [.. tensor.RawData.SelectMany(two => new[] { two & 15, two >> 4 }).Select(four => four < 8 ? four : four - 16.0)];
        double[] expected = [.. Enumerable.Range(0, 12).Select(i => numbers[i % 4 * 3 + i / 4])];
        Assert.That(TestTensors.ToDoubles(session.Run(new Dictionary<string, TensorBuffer>())["o"]), Is.EqualTo(expected));
    }

    [Test]
    public void NothingElse()
    {
        ModelBuilder builder = new(21);
        builder.Graph.Initializer.Add(Packed("z", Int4, 1, []));
        byte[] model = builder.Input("x", ElementType.Float32, 8).Initializer("s", TensorBuffer.Create<float>([0.5f])).Node("Identity", "z", "zero").Node("QuantizeLinear", "x s zero", "q").Node("DequantizeLinear", "q s zero", "o").Output("o").ToBytes();
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", model);
        Assert.That(() => new InferenceSession(path), Throws.TypeOf<UnsupportedOperatorException>().With.Message.Contains("QuantizeLinear").And.Message.Contains("4-bit"));

        builder = new(21);
        builder.Graph.Initializer.Add(Packed("w", UInt4, 1, [3]));
        path = folder.Write("output.onnx", builder.Node("Identity", "w", "o").Output("o", ElementType.UInt8).ToBytes());
        Assert.That(() => new InferenceSession(path), Throws.TypeOf<UnsupportedOperatorException>().With.Message.Contains("'o'"));
    }

    [Test]
    public void WrongLengths()
    {
        ModelBuilder builder = new(21);
        TensorProto tensor = Packed("w", Int4, 1, [3, 3]);
        tensor.RawData = ByteString.CopyFrom(new byte[4]);
        builder.Graph.Initializer.Add(tensor);
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", builder.Node("Cast", "w", "o", ("to", 1)).Output("o").ToBytes());
        Assert.That(() => new InferenceSession(path), Throws.TypeOf<ModelFormatException>().With.Message.Contains("'w'"));
    }

    // A model of one DequantizeLinear.
    private static byte[] Dequantized(int type, long[] dimensions, long[] scales, long[]? zeros, params (string Name, object Value)[] attributes)
    {
        ModelBuilder builder = new(21);
        builder.Graph.Initializer.Add(Packed("w", type, 1, dimensions));
        builder.Initializer("s", TestTensors.Random(ElementType.Float32, 2, 0.01, 0.1, scales));
        if (zeros is not null)
        {
            builder.Graph.Initializer.Add(Packed("z", type, 3, zeros));
        }

        return builder.Node("DequantizeLinear", zeros is null ? "w s" : "w s z", "o", attributes).Output("o").ToBytes();
    }

    private static TensorProto Packed(string name, int type, int seed, long[] dimensions)
    {
        byte[] bytes = new byte[(new Shape(dimensions).ElementCount + 1) / 2];
        new Random(seed).NextBytes(bytes);
        TensorProto tensor = new() { Name = name, DataType = type, RawData = ByteString.CopyFrom(bytes) };
        tensor.Dims.Add(dimensions);
        return tensor;
    }

    private static void Check(byte[] model)
    {
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model));
        TestTensors.AssertClose(session.Run(new Dictionary<string, TensorBuffer>())["o"], Oracle.Run(model, new Dictionary<string, TensorBuffer>())["o"], 1e-6, "DequantizeLinear");
    }
}
