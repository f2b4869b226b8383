using OnnxStream.Interop.Onnx;

namespace OnnxStream.Interop.Tests.Kernels.Elementwise;

[NativeMemoryLeakCheck]
public class UnpackWeightKernelTests
{
    private static readonly ElementType[] s_types = [ElementType.UInt4, ElementType.Int4, ElementType.Float4E2M1, ElementType.UInt2, ElementType.Int2];
    private static readonly Dictionary<string, TensorBuffer> s_nothing = [];

    [Test]
    public void DequantizedPerTensor([Values(ElementType.UInt4, ElementType.Int4)] ElementType type, [Values] bool hasZero, [Values(new long[] { 3, 5 }, new long[] { 40, 100 }, new long[] { 400, 501 })] long[] dimensions) =>
        Check(Dequantized(type, dimensions, [], hasZero ? [] : null));

    [Test]
    public void DequantizedPerAxis([Values(ElementType.UInt4, ElementType.Int4)] ElementType type, [Values] bool hasZero) => Check(Dequantized(type, [6, 7], [7], hasZero ? [7] : null, ("axis", 1)));

    [Test]
    public void DequantizedInBlocks([Values(ElementType.UInt4, ElementType.Int4)] ElementType type, [Values] bool hasZero) => Check(Dequantized(type, [64, 48], [4, 48], hasZero ? [4, 48] : null, ("axis", 0), ("block_size", 16)));

    [Test]
    public void AsAWeight()
    {
        byte[] model = new ModelBuilder(21).Initializer("w", Weight(ElementType.Int4, 1, 64, 48))
            .Initializer("s", TestTensors.Random(ElementType.Float32, 2, 0.01, 0.1, 4, 48)).Input("x", ElementType.Float32, 3, 64)
            .Node("DequantizeLinear", "w s", "d", ("axis", 0), ("block_size", 16)).Node("MatMul", "x d", "o").Output("o").ToBytes();
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(3, 3, 64) };

        // ONNX Runtime would round activations to 8 bits if it fused this.
        TestTensors.AssertClose(Run(model, inputs), Oracle.Run(model, inputs, asWritten: true)["o"], 1e-4, "product");
    }

    [Test]
    public void ReadAsItIs([ValueSource(nameof(s_types))] ElementType type, [Values(5, 9001)] int count)
    {
        TensorBuffer weight = Weight(type, 1, count);
        TensorBuffer output = Run(new ModelBuilder(23).Initializer("w", weight).Node("Identity", "w", "o").Output("o", type).ToBytes(), s_nothing);
        Assert.That(output.Type, Is.EqualTo(weight.Type));
        Assert.That(output.Bytes.ToArray(), Is.EqualTo(weight.Bytes.ToArray()));
    }

    // From any element on, in one piece and with gaps; 9,000 elements of two bits stay in the file.
    [Test]
    public void Sliced([ValueSource(nameof(s_types))] ElementType type, [Values(0, 1, 2, 4, 5)] int start, [Values(1, 3)] int step)
    {
        TensorBuffer weight = Weight(type, 1, 9000);
        TensorBuffer output = Run(
            new ModelBuilder(23).Initializer("w", weight).Initializer("start", TestTensors.Integers(start)).Initializer("end", TestTensors.Integers(8999)).Initializer("axis", TestTensors.Integers(0)).Initializer("step", TestTensors.Integers(step))
                .Node("Slice", "w start end axis step", "o").Output("o", type).ToBytes(), s_nothing);
        Assert.That(output.Bytes.ToArray(), Is.EqualTo(weight.Bytes[start..8999].ToArray().Where((_, i) => i % step == 0).ToArray()));
    }

    [Test]
    public void RowsAreLookedUp([ValueSource(nameof(s_types))] ElementType type, [Values(64, 63, 3)] int columns)
    {
        const int Rows = 3000;
        TensorBuffer weight = Weight(type, 1, Rows, columns);
        byte[] model = new ModelBuilder(23).Initializer("w", weight).Input("i", ElementType.Int64, 4).Node("Gather", "w i", "o").Output("o", type).ToBytes();
        long[] indices = [0, 7, Rows - 1, -2];
        TensorBuffer output = Run(model, new() { ["i"] = TestTensors.Integers(indices) });
        byte[] expected = [.. indices.SelectMany(index => weight.Bytes.Slice((int)((index + Rows) % Rows) * columns, columns).ToArray())];
        Assert.That(output.Bytes.ToArray(), Is.EqualTo(expected));
    }

    [Test]
    public void OfAConstantNode([ValueSource(nameof(s_types))] ElementType type, [Values(5, 9001)] int count)
    {
        TensorBuffer weight = Weight(type, 1, count);
        TensorBuffer output = Run(new ModelBuilder(23).Node("Constant", "", "w", ("value", weight)).Node("Cast", "w", "o", ("to", 1)).Output("o").ToBytes(), s_nothing);
        Assert.That(TestTensors.ToDoubles(output), Is.EqualTo(TestTensors.ToDoubles(weight)));
    }

    [Test]
    public void MovedAndCast([ValueSource(nameof(s_types))] ElementType type, [Values(3, 999)] int columns)
    {
        TensorBuffer weight = Weight(type, 1, 14, columns);
        byte[] model = new ModelBuilder(23).Initializer("w", weight).Node("Transpose", "w", "t").Node("Reshape", "t shape", "r").Initializer("shape", TestTensors.Integers(2, -1)).Node("Cast", "r", "o", ("to", 1)).Output("o").ToBytes();
        double[] numbers = TestTensors.ToDoubles(weight);
        Assert.That(TestTensors.ToDoubles(Run(model, s_nothing)), Is.EqualTo(Enumerable.Range(0, numbers.Length).Select(i => numbers[i % 14 * columns + i / 14]).ToArray()));
    }

    [Test]
    public void LyingInAnotherFile([ValueSource(nameof(s_types))] ElementType type, [Values(5, 9001)] int count)
    {
        TensorBuffer weight = Weight(type, 1, count);
        ModelBuilder builder = new(23);
        TensorProto tensor = new() { Name = "w", DataType = (int)type, DataLocation = TensorProto.Types.DataLocation.External, Dims = { count } };
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = "w.bin" });
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = "3" });
        builder.Graph.Initializer.Add(tensor);
        using TemporaryFolder folder = new();
        folder.Write("w.bin", [1, 2, 3, .. weight.ToPacked()]);
        using InferenceSession session = new(folder.Write("model.onnx", builder.Node("Identity", "w", "o").Output("o", type).ToBytes()));
        Assert.That(session.Run(s_nothing)["o"].Bytes.ToArray(), Is.EqualTo(weight.Bytes.ToArray()));
    }

    [Test]
    public void WrittenAsItWasRead([ValueSource(nameof(s_types))] ElementType type, [Values(5, 9001)] int count)
    {
        TensorBuffer weight = Weight(type, 1, count);
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", new ModelBuilder(23).Initializer("w", weight).Node("Identity", "w", "o").Output("o", type).ToBytes());
        string copy = Path.Combine(folder.Path, "copy.onnx");
        Model.Load(path).SaveOnnx(copy);
        using InferenceSession session = new(copy);
        Assert.That(session.Run(s_nothing)["o"].Bytes.ToArray(), Is.EqualTo(weight.Bytes.ToArray()));
    }

    // A model of one DequantizeLinear.
    private static byte[] Dequantized(ElementType type, long[] dimensions, long[] scales, long[]? zeros, params (string Name, object Value)[] attributes)
    {
        ModelBuilder builder = new ModelBuilder(21).Initializer("w", Weight(type, 1, dimensions)).Initializer("s", TestTensors.Random(ElementType.Float32, 2, 0.01, 0.1, scales));
        builder = zeros is null ? builder : builder.Initializer("z", Weight(type, 3, zeros));
        return builder.Node("DequantizeLinear", zeros is null ? "w s" : "w s z", "o", attributes).Output("o").ToBytes();
    }

    private static TensorBuffer Weight(ElementType type, int seed, params long[] dimensions)
    {
        byte[] packed = new byte[new TensorType(type, new Shape(dimensions)).PackedByteLength];
        new Random(seed).NextBytes(packed);
        return TensorBuffer.FromPacked(type, packed, dimensions);
    }

    private static TensorBuffer Run(byte[] model, Dictionary<string, TensorBuffer> inputs)
    {
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model), new SessionOptions { ThreadCount = 2 });
        return session.Run(inputs)["o"];
    }

    private static void Check(byte[] model) => TestTensors.AssertClose(Run(model, s_nothing), Oracle.Run(model, s_nothing)["o"], 1e-6, "DequantizeLinear");
}
