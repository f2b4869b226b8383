using CsCheck;

namespace OnnxStream.Interop.Tests.Rewrites;

[NativeMemoryLeakCheck]
public class FuseFullyConnectedTests
{
    private const string Fused = "1 onnxstream.FullyConnected";

    private static PassTester Product(long[] shape, long outputs, bool constantWeight = true, double tolerance = 1e-4) =>
        new PassTester { Tolerance = tolerance }.Input("x", TestTensors.Floats(1, shape)).Input("w", TestTensors.Floats(2, shape[^1], outputs), constantWeight).Node("MatMul", "x w", "p");

    [Test]
    public void Spellings([Values] bool biasFirst) => Product([2, 5, 33], 70).Constant("b", TestTensors.Floats(3, 70)).Node("Add", biasFirst ? "b p" : "p b", "y").Output("y").Becomes(Fused).Check();

    // As exporters leave the weights of linear layers.
    [Test]
    public void TransposedWeight([Values] bool bias, [Values(1, 70, 600)] int outputs)
    {
        PassTester tester = new PassTester { Tolerance = 1e-4 }.Input("x", TestTensors.Floats(1, 2, 5, 300)).Constant("v", TestTensors.Floats(2, outputs, 300))
            .Node("Transpose", "v", "w", ("perm", new[] { 1, 0 })).Node("MatMul", "x w", bias ? "p" : "y");
        (bias ? tester.Constant("b", TestTensors.Floats(3, outputs)).Node("Add", "p b", "y") : tester).Output("y").Becomes(Fused).Check();
    }

    [Test]
    public void TransposedWeightInHalfPrecision() =>
        new PassTester { Tolerance = 1e-4 }.Input("x", TestTensors.Floats(1, 5, 300)).Constant("h", TestTensors.Random(ElementType.Float16, 2, -2, 2, 70, 300))
            .Node("Cast", "h", "v", ("to", (int)ElementType.Float32)).Node("Transpose", "v", "w", ("perm", new[] { 1, 0 })).Node("MatMul", "x w", "y").Output("y").Becomes(Fused).Check();

    // GEGLU with the product in front of it: panels hold the same columns of both halves; the last one is not full.
    [TestCase(5, 33, 70, true)]
    [TestCase(5, 33, 70, false)]
    [TestCase(1, 300, 2, true)]
    [TestCase(90, 320, 2560, true)]
    [TestCase(700, 320, 1500, true)]
    public void Gate(int rows, int inputs, int outputs, bool bias)
    {
        PassTester tester = Product([rows, inputs], outputs, tolerance: 1e-3);
        tester = bias ? tester.Constant("b", TestTensors.Floats(3, outputs)).Node("Add", "p b", "s") : tester;
        tester.Constant("root", TensorBuffer.Create<float>([MathF.Sqrt(2)])).Constant("one", TensorBuffer.Create<float>([1])).Constant("half", TensorBuffer.Create<float>([0.5f]))
            .Constant("parts", TestTensors.Integers(outputs / 2, outputs / 2))
            .Node("Split", bias ? "s parts" : "p parts", "value g", ("axis", -1)).Node("Div", "g root", "d").Node("Erf", "d", "e").Node("Add", "e one", "f").Node("Mul", "g f", "h").Node("Mul", "h half", "gate").Node("Mul", "value gate", "y")
            .Output("y").Becomes(Fused).Check();
    }

    [TestCase(33)]
    [TestCase(7, 33)]
    [TestCase(2, 3, 4, 33)]
    [TestCase(1, 1, 33)]
    public void Ranks(params long[] shape) => Product(shape, 70).Constant("b", TestTensors.Floats(3, 70)).Node("Add", "p b", "y").Output("y").Becomes(Fused).Check();

    [Test]
    public void LargeBias() => Product([3, 64], 1000).Constant("b", TestTensors.Floats(3, 1000)).Node("Add", "p b", "y").Output("y").Becomes(Fused).Check();

    [Test]
    public void HalfPrecisionWeight() =>
        new PassTester { Tolerance = 1e-4 }.Input("x", TestTensors.Floats(1, 5, 33)).Constant("w", TestTensors.Random(ElementType.Float16, 2, -2, 2, 33, 70)).Constant("b", TestTensors.Floats(3, 70))
            .Node("Cast", "w", "wide", ("to", (int)ElementType.Float32)).Node("MatMul", "x wide", "p").Node("Add", "p b", "y").Output("y").Becomes(Fused).Check();

    [Test]
    public void HalfPrecisionBias() =>
        Product([5, 33], 70).Constant("h", TestTensors.Random(ElementType.Float16, 3, -2, 2, 70)).Node("Cast", "h", "b", ("to", (int)ElementType.Float32)).Node("Add", "p b", "y").Output("y").Becomes(Fused).Check();

    // Another weight's bias, and a weight that two products share.
    [Test]
    public void SharedWeight() =>
        Product([5, 33], 70).Input("z", TestTensors.Floats(4, 2, 33)).Constant("b", TestTensors.Floats(3, 70)).Node("Add", "p b", "y").Node("MatMul", "z w", "q").Node("Add", "b q", "v").Output("y").Output("v")
            .Becomes("2 onnxstream.FullyConnected").Check();

    [Test]
    public void ProductIsAnOutput() => Product([5, 33], 70).Constant("b", TestTensors.Floats(3, 70)).Node("Add", "p b", "y").Output("y").Output("p").Becomes("1 Add, 1 MatMul").Check();

    [Test]
    public void ProductIsReadElsewhere() => Product([5, 33], 70).Constant("b", TestTensors.Floats(3, 70)).Node("Add", "p b", "y").Node("Sin", "p", "z").Output("y").Output("z").Becomes("1 Add, 1 MatMul, 1 Sin").Check();

    [Test]
    public void ProductIsAddedToItself() => Product([5, 33], 70).Node("Add", "p p", "y").Output("y").Becomes("1 Add, 1 MatMul").Check();

    [TestCase(1)]
    [TestCase(5, 70)]
    [TestCase(1, 70)]
    [TestCase(5, 1)]
    public void BiasOfAnotherShape(params long[] shape) => Product([5, 33], 70).Constant("b", TestTensors.Floats(3, shape)).Node("Add", "p b", "y").Output("y").Has(0, "onnxstream.FullyConnected").Check();

    [Test]
    public void BiasIsComputed() => Product([5, 33], 70).Input("b", TestTensors.Floats(3, 70)).Node("Add", "p b", "y").Output("y").Becomes("1 Add, 1 MatMul").Check();

    [Test]
    public void WeightIsComputed() => Product([5, 33], 70, constantWeight: false).Constant("b", TestTensors.Floats(3, 70)).Node("Add", "p b", "y").Output("y").Becomes("1 Add, 1 MatMul").Check();

    [Test]
    public void WeightWithBatches() =>
        new PassTester { Tolerance = 1e-4 }.Input("x", TestTensors.Floats(1, 5, 33)).Constant("w", TestTensors.Floats(2, 2, 33, 70)).Constant("b", TestTensors.Floats(3, 70))
            .Node("MatMul", "x w", "p").Node("Add", "p b", "y").Output("y").Becomes("1 Add, 1 MatMul").Check();

    [Test]
    public void Integers() =>
        new PassTester().Input("x", TestTensors.Random(ElementType.Int32, 1, -9, 9, 5, 33)).Constant("w", TestTensors.Random(ElementType.Int32, 2, -9, 9, 33, 70)).Constant("b", TestTensors.Random(ElementType.Int32, 3, -9, 9, 70))
            .Node("MatMul", "x w", "p").Node("Add", "p b", "y").Output("y", ElementType.Int32).Becomes("1 Add, 1 MatMul").Check();

    [Test]
    public void NoRows() => Product([0, 33], 70).Constant("b", TestTensors.Floats(3, 70)).Node("Add", "p b", "y").Output("y").Check();

    [Test]
    public void RandomShapes() =>
        Gen.Select(Gen.Long[1, 3], Gen.Long[1, 20], Gen.Long[1, 90], Gen.Long[1, 150]).Sample(
            (batch, rows, inputs, outputs) => Product([batch, rows, inputs], outputs).Constant("b", TestTensors.Floats(3, outputs)).Node("Add", "p b", "y").Output("y").Check(),
            iter: 40, threads: 1);
}
