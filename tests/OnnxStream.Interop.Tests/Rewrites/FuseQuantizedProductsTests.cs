namespace OnnxStream.Interop.Tests.Rewrites;

[NativeMemoryLeakCheck]
public class FuseQuantizedProductsTests
{
    private const string Fused = "onnxstream.QuantizedProduct";

    private static PassTester Begin(int outputs = 70) => new PassTester(13) { Tolerance = 1e-4 }
        .Input("x", TestTensors.Bytes(ElementType.UInt8, 1, 9, 50)).Constant("w", TestTensors.Random(ElementType.Int8, 2, -127, 127, 50, outputs)).Constant("xs", TestTensors.Scalar(ElementType.Float32, 0.02)).Constant("xz", TestTensors.Scalar(ElementType.UInt8, 120))
        .Constant("ws", TestTensors.Scalar(ElementType.Float32, 0.01)).Constant("wz", TestTensors.Scalar(ElementType.Int8, 0)).Constant("ys", TestTensors.Scalar(ElementType.Float32, 0.3)).Constant("b", TestTensors.Floats(5, outputs))
        .Node("DequantizeLinear", "x xs xz", "xf").Node("DequantizeLinear", "w ws wz", "wf");

    [Test]
    public void WithBiasAndLimits([Values] bool biasFirst, [Values("Relu", "")] string limit)
    {
        PassTester tester = Begin().Node("MatMul", "xf wf", "p").Node("Add", biasFirst ? "b p" : "p b", limit.Length > 0 ? "s" : "y");
        (limit.Length > 0 ? tester.Node(limit, "s", "y") : tester).Output("y").Becomes($"1 {Fused}").Check();
    }

    [Test]
    public void ProductIsReadElsewhere() => Begin().Node("MatMul", "xf wf", "p").Node("Add", "p b", "y").Node("Sin", "p", "z").Output("y").Output("z").Becomes($"1 Add, 1 Sin, 1 {Fused}").Check();

    [Test]
    public void ProductIsAnOutput() => Begin().Node("MatMul", "xf wf", "p").Node("Relu", "p", "y").Output("y").Output("p").Becomes($"1 Relu, 1 {Fused}").Check();

    [Test]
    public void DataIsReadElsewhere() => Begin().Node("MatMul", "xf wf", "y").Node("Sin", "xf", "z").Output("y").Output("z").Becomes($"1 DequantizeLinear, 1 Sin, 1 {Fused}").Check();

    [Test]
    public void LimitsThatAreComputed() =>
        Begin().Input("low", TestTensors.Scalar(ElementType.Float32, -1)).Node("MatMul", "xf wf", "p").Node("Clip", "p low", "y").Output("y").Becomes($"1 Clip, 1 {Fused}").Check();

    [Test]
    public void BiasIsComputed() => Begin().Input("c", TestTensors.Floats(6, 70)).Node("MatMul", "xf wf", "p").Node("Add", "p c", "y").Output("y").Becomes($"1 Add, 1 {Fused}").Check();

    [TestCase(1, 70)]
    [TestCase(1)]
    [TestCase(9, 1)]
    [TestCase(9, 70)]
    public void ShapesOfWhatIsAdded(params long[] shape) =>
        Begin().Constant("c", TestTensors.Floats(6, shape)).Node("MatMul", "xf wf", "p").Node("Add", "p c", "y").Output("y").Has(shape is [1, 70] ? 0 : 1, "Add").Has(1, Fused).Check();

    // A weight with a scale for each input is no weight with a scale for each output.
    [Test]
    public void ScalesAlongTheOtherAxis() =>
        Begin().Constant("rs", TestTensors.Random(ElementType.Float32, 7, 0.01, 0.02, 50)).Constant("rz", TestTensors.FromDoubles(ElementType.Int8, new double[50], 50)).Node("DequantizeLinear", "w rs rz", "rf", ("axis", 0)).Node("MatMul", "xf rf", "y").Output("y").Has(0, Fused).Check();

    // Whatever the results are quantized by, scales that are not the same for all stay apart.
    [Test]
    public void ResultsWithScalesOfTheirOwn() =>
        Begin().Constant("cs", TestTensors.Random(ElementType.Float32, 7, 0.1, 0.2, 70)).Constant("cz", TestTensors.FromDoubles(ElementType.UInt8, new double[70], 70)).Node("MatMul", "xf wf", "p").Node("QuantizeLinear", "p cs cz", "y", ("axis", 1)).Output("y", ElementType.UInt8).Becomes($"1 QuantizeLinear, 1 {Fused}");

    [Test]
    public void DataOfFloats() => Begin().Input("f", TestTensors.Floats(8, 9, 50)).Node("MatMul", "f wf", "y").Output("y").Has(0, Fused).Check();

    [Test]
    public void FactorOfGemm() => Begin().Node("Gemm", "xf wf b", "y", ("alpha", 0.5f)).Output("y").Has(0, Fused).Check();

    // Convolutions hand their results on in 8 bits and in the order that they compute in.
    [Test]
    public void Chain([Values] bool isDynamic)
    {
        PassTester tester = new PassTester(13) { Tolerance = 0.05 }.Input("x", TestTensors.Floats(1, 1, 8, 9, 11)).Constant("w", TestTensors.Random(ElementType.Int8, 2, -127, 127, 24, 8, 3, 3)).Constant("v", TestTensors.Random(ElementType.Int8, 3, -127, 127, 48, 24, 1, 1)).Constant("s", TestTensors.Scalar(ElementType.Float32, 0.02))
            .Constant("z", TestTensors.Scalar(ElementType.UInt8, 128)).Constant("wz", TestTensors.Scalar(ElementType.Int8, 0)).Constant("ws", TestTensors.Scalar(ElementType.Float32, 0.001));
        (string, object)[] pads = [("pads", new[] { 1, 1, 1, 1 })];
        if (isDynamic)
        {
            tester.Node("DynamicQuantizeLinear", "x", "q qs qz").Node("ConvInteger", "q w qz wz", "i", pads).Node("Cast", "i", "f", ("to", 1)).Node("Mul", "qs ws", "m").Node("Mul", "f m", "c").Node("Relu", "c", "r")
                .Node("DynamicQuantizeLinear", "r", "q2 qs2 qz2").Node("ConvInteger", "q2 v qz2 wz", "i2").Node("Cast", "i2", "f2", ("to", 1)).Node("Mul", "qs2 ws", "m2").Node("Mul", "f2 m2", "y").Output("y").Becomes($"2 DynamicQuantizeLinear, 2 Transpose, 2 {Fused}");
        }
        else
        {
            tester.Node("QuantizeLinear", "x s z", "q").Node("DequantizeLinear", "q s z", "d").Node("DequantizeLinear", "w ws wz", "wf").Node("Conv", "d wf", "c", pads).Node("Relu", "c", "r")
                .Node("QuantizeLinear", "r s z", "q2").Node("DequantizeLinear", "q2 s z", "d2").Node("DequantizeLinear", "v ws wz", "vf").Node("Conv", "d2 vf", "y").Output("y").Becomes($"1 QuantizeLinear, 2 Transpose, 2 {Fused}");
        }

        tester.Check();
    }
}
