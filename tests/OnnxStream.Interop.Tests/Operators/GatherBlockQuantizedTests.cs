using Google.Protobuf;
using OnnxStream.Interop.Onnx;

namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class GatherBlockQuantizedTests
{
    private const int UInt4 = 21;
    private const int Int4 = 22;

    [Test]
    public void Bytes([Values(2, 4, 8)] int bits, [Values(16, 32)] int block, [Values(40, 64)] int width, [Values] bool hasZeros, [Values(ElementType.Int64, ElementType.Int32)] ElementType indexType)
    {
        int each = 8 / bits;
        int blocks = (width + block - 1) / block;
        OperatorTester tester = new OperatorTester("GatherBlockQuantized", 17, "com.microsoft").Constant(TestTensors.Bytes(ElementType.UInt8, 1, 9, width / each)).Input(TestTensors.FromDoubles(indexType, [0, 8, -1, 3, 3, -9], 2, 3)).Constant(TestTensors.Random(ElementType.Float32, 2, 0.01, 0.05, 9, blocks));
        _ = hasZeros ? tester.Constant(TestTensors.Bytes(ElementType.UInt8, 3, 9, (blocks + each - 1) / each)) : tester;
        tester.Attribute("bits", bits).Attribute("block_size", block).Attribute("gather_axis", 0).Attribute("quantize_axis", 1).Check();
    }

    [Test]
    public void Shapes([Values("5", "", "2,1,3")] string shape, [Values] bool hasZeros)
    {
        OperatorTester tester = new OperatorTester("GatherBlockQuantized", 17, "com.microsoft").Constant(TestTensors.Bytes(ElementType.UInt8, 1, 7, 3, 16)).Input(TestTensors.Random(ElementType.Int64, 4, 0, 6, [.. shape.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(long.Parse)])).Constant(TestTensors.Random(ElementType.Float32, 2, 0.01, 0.05, 7, 3, 2));
        _ = hasZeros ? tester.Constant(TestTensors.Bytes(ElementType.UInt8, 3, 7, 3, 1)) : tester;
        tester.Attribute("block_size", 16).Attribute("quantize_axis", -1).Check();
    }

    [Test]
    public void FourBits([Values(UInt4, Int4)] int type, [Values(0, 1, 2)] int gatherAxis, [Values(0, 1, 2)] int quantizeAxis, [Values] bool hasZeros)
    {
        long[] dimensions = [6, 5, 4];
        dimensions[quantizeAxis] = 36;
        long[] scales = [.. dimensions];
        scales[quantizeAxis] = 3;
        ModelBuilder builder = new(21, "com.microsoft");
        builder.Graph.Initializer.Add(Packed("w", type, 1, dimensions));
        builder.Initializer("s", TestTensors.Random(ElementType.Float32, 2, 0.01, 0.1, scales)).Input("i", ElementType.Int64, 3);
        if (hasZeros)
        {
            builder.Graph.Initializer.Add(Packed("z", type, 3, scales));
        }

        byte[] model = builder.Node("com.microsoft", "GatherBlockQuantized", $"w i s{(hasZeros ? " z" : "")}", "o", ("gather_axis", gatherAxis), ("quantize_axis", quantizeAxis), ("block_size", 16)).Output("o").ToBytes();
        Dictionary<string, TensorBuffer> inputs = new() { ["i"] = TestTensors.Integers(3, 0, -2) };
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", model);
        if (gatherAxis == quantizeAxis)
        {
            // A slice would be a part of a block.
            Assert.That(() => new InferenceSession(path), Throws.TypeOf<InvalidGraphException>().With.Message.Contains("are not possible"));
            return;
        }

        using InferenceSession session = new(path);
        TestTensors.AssertClose(session.Run(inputs)["o"], Oracle.Run(model, inputs)["o"], 1e-6, "slices");
    }

    // As the documentation says of ONNX Runtime's newer versions.
    [Test]
    public void IndicesOutsideGiveZeros()
    {
        TensorBuffer result = new OperatorTester("GatherBlockQuantized", 17, "com.microsoft").Constant(TestTensors.FromDoubles(ElementType.UInt8, [.. Enumerable.Repeat(130.0, 48)], 3, 16)).Input(TestTensors.Integers(3, 1, -4)).Constant(TestTensors.FromDoubles(ElementType.Float32, [1, 1, 1], 3, 1))
            .Attribute("bits", 8).Attribute("block_size", 16).Run();
        Assert.That(TestTensors.ToDoubles(result), Is.EqualTo(Enumerable.Range(0, 48).Select(i => i / 16 == 1 ? 2.0 : 0)));
    }

    [Test]
    public void WrongInputs()
    {
        OperatorTester Make(TensorBuffer data, TensorBuffer scales, int bits, int block, int axis) => new OperatorTester("GatherBlockQuantized", 17, "com.microsoft").Constant(data).Input(TestTensors.Integers(1)).Constant(scales).Attribute("bits", bits).Attribute("block_size", block).Attribute("gather_axis", axis);
        TensorBuffer data = TestTensors.Bytes(ElementType.UInt8, 1, 4, 16);
        TensorBuffer scales = TestTensors.Floats(2, 4, 2);
        Make(data, scales, 3, 16, 0).Fails<InvalidGraphException>();
        Make(data, scales, 4, 17, 0).Fails<InvalidGraphException>();
        Make(data, scales, 4, 16, 1).Fails<InvalidGraphException>();
        Make(data, TestTensors.Floats(2, 4, 3), 4, 16, 0).Fails<InvalidGraphException>();
        Make(TestTensors.Bytes(ElementType.Int8, 1, 4, 16), scales, 4, 16, 0).Fails<InvalidGraphException>();
    }

    private static TensorProto Packed(string name, int type, int seed, params long[] dimensions)
    {
        byte[] bytes = new byte[(dimensions.Aggregate(1L, (a, b) => a * b) + 1) / 2];
        new Random(seed).NextBytes(bytes);
        TensorProto tensor = new() { Name = name, DataType = type, RawData = ByteString.CopyFrom(bytes) };
        tensor.Dims.Add(dimensions);
        return tensor;
    }
}
