using Google.Protobuf;
using OnnxStream.Interop.Onnx;
using OnnxStream.Interop.Tests.Onnx;

namespace OnnxStream.Interop.Tests.Sessions;

/// <summary>Parameters and bytes of weights, wherever a file holds them.</summary>
public class WeightCounterTests
{
    private const int Int4 = 22;

    [Test]
    public void ConstantNodesAreWeights() =>
        Counts(
            new ModelBuilder(17).Input("x", ElementType.Float32, 2, 30).Node("Constant", "", "w", ("value", TestTensors.Floats(1, 30, 40))).Node("MatMul", "x w", "p")
                .Node("Constant", "", "s", ("value_float", 2f)).Node("Mul", "p s", "q").Node("Constant", "", "t", ("value_floats", new[] { 1f, 2f })).Node("Constant", "", "shape", ("value_ints", new[] { -1 })).Node("Reshape", "q shape", "r").Output("r").Output("t"),
            1200 + 1 + 2, (1200 + 1 + 2) * sizeof(float));

    [Test]
    public void AWeightThatIsReadTwiceCountsOnce()
    {
        Counts(
            new ModelBuilder(17).Input("x", ElementType.Float32, 30, 30).Initializer("w", TestTensors.Floats(1, 30, 30)).Node("MatMul", "x w", "p").Node("MatMul", "p w", "q").Output("q").Output("w"),
            900, 900 * sizeof(float));

        // Two names for the same bytes of a file.
        using TemporaryFolder folder = new();
        folder.Write("data", new byte[3600]);
        ModelProto model = new ModelBuilder(17).Input("x", ElementType.Float32, 30, 30).Node("MatMul", "x w1", "p").Node("MatMul", "p w2", "q").Output("q").Build();
        foreach (string name in (string[])["w1", "w2"])
        {
            TensorProto tensor = new() { Name = name, DataType = (int)ElementType.Float32, DataLocation = TensorProto.Types.DataLocation.External, Dims = { 30, 30 } };
            tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = "data" });
            model.Graph.Initializer.Add(tensor);
        }

        ModelSummary summary = Model.Load(folder.Write("m.onnx", model.ToByteArray())).Summarize();
        Assert.That((summary.ParameterCount, summary.WeightBytes), Is.EqualTo((900, 3600)));
    }

    [Test]
    public void FourBitsAreAnElement()
    {
        // Five by three in eight bytes; zero points are no parameters.
        ModelBuilder builder = new ModelBuilder(21).Initializer("s", TestTensors.Floats(1, 3));
        builder.Graph.Initializer.Add(Packed("w", [5, 3], 8));
        builder.Graph.Initializer.Add(Packed("z", [3], 2));
        ModelSummary summary = ModelBytes.Load(builder.Node("DequantizeLinear", "w s z", "d", ("axis", 1)).Node("DequantizeLinear", "w s", "e", ("axis", 1)).Output("d").Output("e").Build()).Summarize();
        Assert.That(summary.ParameterCount, Is.EqualTo(15 + 3));
    }

    [TestCase(4, 33, 3 * 3 * 8)]
    [TestCase(2, 48, 3 * 3 * 4)]
    public void SeveralBitsAreAnElementOfMatMulNBits(int bits, int inputs, int bytes) =>
        Counts(
            new ModelBuilder(17, "com.microsoft").Input("x", ElementType.Float32, 2, inputs).Initializer("w", new TensorBuffer(ElementType.UInt8, new Shape(3, 3, bytes / 9))).Initializer("s", TestTensors.Floats(1, 9))
                .Node("com.microsoft", "MatMulNBits", "x w s", "y", ("N", 3), ("K", inputs), ("bits", bits), ("block_size", 16)).Output("y"),
            3 * inputs + 9, bytes + 9 * sizeof(float));

    [Test]
    public void QuantizedWeightsAreParametersAndZeroPointsAreNot() =>
        Counts(
            new ModelBuilder(17).Input("x", ElementType.UInt8, 2, 30).Initializer("w", new TensorBuffer(ElementType.Int8, new Shape(30, 40))).Initializer("xz", new TensorBuffer(ElementType.UInt8, Shape.Scalar)).Initializer("wz", new TensorBuffer(ElementType.Int8, new Shape(40)))
                .Node("MatMulInteger", "x w xz wz", "y").Output("y", ElementType.Int32)
                .Initializer("v", new TensorBuffer(ElementType.Int8, new Shape(7))).Initializer("s", TestTensors.Floats(1)).Initializer("z", new TensorBuffer(ElementType.Int8, Shape.Scalar)).Node("DequantizeLinear", "v s z", "d").Output("d"),
            1200 + 7 + 1, 1200 + 1 + 40 + 7 + sizeof(float) + 1);

    [Test]
    public void DefaultValuesOfInputsAreWeights() =>
        Counts(
            new ModelBuilder(17).Input("x", ElementType.Float32, 2).Input("w", ElementType.Float32, 2).Initializer("w", TestTensors.Floats(1, 2)).Input("unread", ElementType.Float32, 3).Initializer("unread", TestTensors.Floats(1, 3)).Node("Add", "x w", "y").Output("y"),
            5, 5 * sizeof(float));

    private static void Counts(ModelBuilder builder, long parameters, long bytes)
    {
        ModelSummary summary = ModelBytes.Load(builder.Build()).Summarize();
        Assert.That(summary.ParameterCount, Is.EqualTo(parameters));

        // Numbers of shapes lie in constants, too.
        long shapes = builder.Nodes.Where(node => node.OpType == "Reshape").Sum(_ => sizeof(long));
        Assert.That(summary.WeightBytes, Is.EqualTo(bytes).Or.EqualTo(bytes + shapes));
    }

    private static TensorProto Packed(string name, long[] dimensions, int bytes)
    {
        TensorProto tensor = new() { Name = name, DataType = Int4, RawData = ByteString.CopyFrom(new byte[bytes]) };
        tensor.Dims.Add(dimensions);
        return tensor;
    }
}
