namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class LayerNormalizationTests
{
    private static readonly (long[] Shape, int Axis)[] s_cases =
    [
        ([5], 0),
        ([3, 7], -1),
        ([2, 77, 768], -1),
        ([2, 3, 4, 5], 1),
        ([2, 3, 4, 5], -2),
        ([2, 3, 4, 5], 0),
        ([3, 70001], 1),
        ([4, 1], 1),
    ];

    [Test]
    public void AgreesWithOnnxRuntime([ValueSource(nameof(s_cases))] (long[] Shape, int Axis) test, [Values] bool hasBias, [Values] bool constant)
    {
        long[] normalized = test.Shape[(test.Axis < 0 ? test.Axis + test.Shape.Length : test.Axis)..];
        OperatorTester tester = new OperatorTester("LayerNormalization", 17)
            .Input(TestTensors.Floats(1, test.Shape)).Input(TestTensors.Floats(2, normalized), constant).Attribute("axis", test.Axis);
        _ = hasBias ? tester.Input(TestTensors.Floats(3, normalized), constant) : tester;
        tester.Check(constantsToo: false);
    }

    [Test]
    public void MeanAndInverseDeviation() =>
        new OperatorTester("LayerNormalization", 17)
            .Input(TestTensors.Floats(1, 3, 4, 50)).Input(TestTensors.Floats(2, 50)).Input(TestTensors.Floats(3, 50)).Attribute("epsilon", 0.01f)
            .Output(ElementType.Float32).Output(ElementType.Float32).Output(ElementType.Float32).Check();

    // Around the widths of vectors and the blocks that moments are made of; a mean that is large beside the deviations.
    [Test]
    public void Lengths([Values(1, 2, 7, 8, 9, 31, 32, 33, 65, 1023, 1024, 1025, 2100)] long length, [Values(0, 100)] double mean, [Values] bool hasBias)
    {
        OperatorTester tester = new OperatorTester("LayerNormalization") { Tolerance = 1e-4 }.Input(TestTensors.Random(ElementType.Float32, 1, mean - 2, mean + 2, 5, length)).Input(TestTensors.Floats(2, length));
        (hasBias ? tester.Input(TestTensors.Floats(3, length)) : tester).Check(constantsToo: false);
    }

    [TestCase(ElementType.Float64, 1e-5)]
    [TestCase(ElementType.Float16, 2e-3)]
    public void OtherTypes(ElementType type, double tolerance) =>
        new OperatorTester("LayerNormalization", 17) { Tolerance = tolerance }
            .Input(TestTensors.Random(type, 1, -3, 4, 3, 1500)).Input(TestTensors.Random(type, 2, -2, 2, 1500)).Input(TestTensors.Random(type, 3, -2, 2, 1500)).Output(type).Check();

    [TestCase(new long[] { 1 })]
    [TestCase(new long[] { 1, 5 })]
    [TestCase(new long[] { 3, 4, 5 })]
    public void BroadcastScale(long[] scale)
    {
        TensorBuffer input = TestTensors.Floats(1, 3, 4, 5);
        TensorBuffer plain = new OperatorTester("LayerNormalization", 17).Input(input).Input(TestTensors.FromDoubles(ElementType.Float32, [1, 1, 1, 1, 1], 5)).Run();
        TensorBuffer factors = TestTensors.Floats(2, scale);
        TensorBuffer actual = new OperatorTester("LayerNormalization", 17).Input(input).Input(factors).Input(factors).Run();
        double[] values = TestTensors.ToDoubles(plain);
        double[] f = TestTensors.ToDoubles(factors);
        TestTensors.AssertNumbersClose(actual, [.. values.Select((value, i) => value * f[i % f.Length] + f[i % f.Length])], 1e-6, "LayerNormalization");
    }

    [TestCase(new long[] { 3, 7 }, -1)]
    [TestCase(new long[] { 2, 9, 640 }, -1)]
    [TestCase(new long[] { 2, 3, 4, 5 }, 2)]
    public void RootMeanSquare(long[] shape, int axis)
    {
        long[] normalized = shape[(axis < 0 ? axis + shape.Length : axis)..];
        new OperatorTester("RMSNormalization", 23).Input(TestTensors.Random(ElementType.Float32, 1, 0, 3, shape)).Input(TestTensors.Floats(2, normalized)).Attribute("axis", axis).Attribute("epsilon", 1e-4f).Check();
    }

    // ONNX Runtime ends the process on these.
    [TestCase(new long[] { 0, 5 }, -1)]
    [TestCase(new long[] { 5, 0 }, -1)]
    public void Empty(long[] shape, int axis) =>
        Assert.That(new OperatorTester("LayerNormalization").Input(TestTensors.Floats(1, shape)).Input(TestTensors.Floats(1, shape[1])).Attribute("axis", axis).Run().Shape, Is.EqualTo(new Shape(shape)));

    [Test]
    public void WrongAttributes()
    {
        Assert.Throws<InvalidGraphException>(() => new OperatorTester("LayerNormalization").Input(TestTensors.Floats(1, 3, 4)).Input(TestTensors.Floats(1, 4)).Attribute("axis", 2).Run());
        Assert.Throws<InvalidGraphException>(() => new OperatorTester("LayerNormalization").Input(TestTensors.Floats(1, 3, 4)).Input(TestTensors.Floats(1, 5)).Run());
    }
}
