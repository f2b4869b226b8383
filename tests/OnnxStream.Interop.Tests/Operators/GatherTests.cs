using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class GatherTests
{
    private static readonly ElementType[] s_types = [ElementType.Float32, ElementType.Float64, ElementType.Float16, ElementType.Int64, ElementType.Int32, ElementType.UInt8, ElementType.Bool];

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(-1)]
    public void Axes(int axis) =>
        new OperatorTester("Gather", 13).Input(TestTensors.Floats(1, 3, 4, 5)).Input(TensorBuffer.Create<long>([0, 2, -1, 1, -3, 0], 2, 3)).Attribute("axis", axis).Check();

    [Test]
    public void Types([ValueSource(nameof(s_types))] ElementType type, [Values(ElementType.Int32, ElementType.Int64)] ElementType indices) =>
        new OperatorTester("Gather", 13).Input(TestTensors.Random(type, 1, 0, 9, 7, 3)).Input(TestTensors.Random(indices, 2, -7, 6, 5)).Output(type).Check();

    [Test]
    public void ScalarIndex() =>
        new OperatorTester("Gather", 1).Input(TestTensors.Floats(1, 3, 4)).Input(TensorBuffer.Create<long>([2])).Attribute("axis", 1).Check();

    [TestCase(new long[] { 3, 0 }, new long[] { 2 })]
    [TestCase(new long[] { 3, 2 }, new long[] { 0 })]
    public void Empty(long[] data, long[] indices) =>
        new OperatorTester("Gather", 13).Input(TestTensors.Floats(1, data)).Input(TestTensors.Random(ElementType.Int64, 1, 0, 1, indices)).Check();

    [Test]
    public void ManyRows() =>
        new OperatorTester("Gather", 13).Constant(TestTensors.Floats(1, 500, 77)).Input(TestTensors.Random(ElementType.Int64, 2, -500, 499, 3, 700)).Check(constantsToo: false);

    [Test]
    public void HalfPrecisionTable()
    {
        byte[] model = new ModelBuilder(13).Initializer("table", TestTensors.Random(ElementType.Float16, 1, -2, 2, 400, 9)).Input("i", ElementType.Int64, 4)
            .Node("Cast", "table", "wide", ("to", 1)).Node("Gather", "wide i", "o").Output("o").ToBytes();
        Dictionary<string, TensorBuffer> inputs = new() { ["i"] = TestTensors.Integers(399, 0, 17, -2) };
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model));
        TestTensors.AssertClose(session.Run(inputs)["o"], Oracle.Run(model, inputs)["o"], 0, "gather");
    }

    [Test]
    public void OnlyRowsOfTableAreRead([Values] bool half)
    {
        TensorBuffer table = TestTensors.Random(half ? ElementType.Float16 : ElementType.Float32, 1, -2, 2, 5000, 64);
        ModelBuilder builder = new ModelBuilder(13).Initializer("table", table).Input("i", ElementType.Int64, 2, 2);
        byte[] model = (half ? builder.Node("Cast", "table", "wide", ("to", 1)).Node("Gather", "wide i", "o") : builder.Node("Gather", "table i", "o")).Output("o").ToBytes();
        Dictionary<string, TensorBuffer> inputs = new() { ["i"] = TensorBuffer.Create<long>([4999, 0, 17, -2], 2, 2) };
        TensorBuffer expected = Oracle.Run(model, inputs)["o"];
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", model);
        WeightsProvider[] providers = [WeightsProvider.DiskNoCache(), WeightsProvider.DiskPrefetch(), WeightsProvider.Ram(), new OtherProvider()];
        foreach (WeightsProvider provider in providers)
        {
            using WeightsProvider disposed = provider;
            using InferenceSession session = new(path, new SessionOptions { WeightsProvider = provider });
            RunResult result = session.Run(inputs);
            TestTensors.AssertClose(result["o"], expected, 0, "gather");
            Assert.That(result.Statistics.WeightsBytesStreamed, Is.EqualTo(4 * 64 * table.ElementType.SizeOf()));
        }
    }

    private sealed class OtherProvider : WeightsProvider
    {
        public override void Read(in WeightRange range, Span<byte> destination)
        {
            using FileStream file = File.OpenRead(range.Source.LocalPath!);
            file.Position = range.Offset;
            file.ReadExactly(destination);
        }
    }

    [TestCase(3)]
    [TestCase(-4)]
    [TestCase(long.MinValue)]
    public void RefusesIndicesOutside(long index)
    {
        byte[] model = new OperatorTester("Gather", 13).Input(TestTensors.Floats(1, 3, 2)).Input(TestTensors.Integers(0, 0)).BuildModel(asConstants: false);
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model));
        Dictionary<string, TensorBuffer> inputs = new() { ["i0"] = TestTensors.Floats(1, 3, 2), ["i1"] = TestTensors.Integers(0, index) };
        Assert.That(() => session.Run(inputs), Throws.TypeOf<InvalidInputException>().With.Message.Contains("Gather").And.Message.Contains($"{index}"));
        inputs["i1"] = TestTensors.Integers(-3, 2);
        Assert.That(session.Run(inputs)["o0"].Shape, Is.EqualTo(new Shape(2, 2)));
    }

    [Test]
    public void RefusesWrongNodes()
    {
        new OperatorTester("Gather", 13).Input(TestTensors.Floats(1, 3, 2)).Input(TestTensors.Integers(0)).Attribute("axis", 2).Fails<InvalidGraphException>();
        new OperatorTester("Gather", 13).Input(TestTensors.Floats(1)).Input(TestTensors.Integers(0)).Fails<InvalidGraphException>();
        new OperatorTester("Gather", 13).Input(TestTensors.Floats(1, 3)).Input(TestTensors.Floats(1, 3)).Fails<InvalidGraphException>();
        new OperatorTester("Gather", 13).Input(TestTensors.Floats(1, 3)).Fails<InvalidGraphException>();
    }
}
