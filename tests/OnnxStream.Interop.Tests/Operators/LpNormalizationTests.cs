namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class LpNormalizationTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values(1, 2)] int p, [Values(0, 1, -1)] int axis, [Values(ElementType.Float32, ElementType.Float64)] ElementType type) =>
        new OperatorTester("LpNormalization").Input(TestTensors.Random(type, 1, -2, 2, 3, 40, 5)).Attribute("p", p).Attribute("axis", axis).Output(type).Check();

    [Test]
    public void ZerosStay() => new OperatorTester("LpNormalization").Input(new TensorBuffer(ElementType.Float32, new Shape(2, 3))).Check();

    [Test]
    public void WrongAttributes()
    {
        new OperatorTester("LpNormalization").Input(TestTensors.Floats(1, 2, 3)).Attribute("p", 3).Fails<InvalidGraphException>();
        new OperatorTester("LpNormalization").Input(TestTensors.Floats(1, 2, 3)).Attribute("axis", 2).Fails<InvalidGraphException>();
    }
}
