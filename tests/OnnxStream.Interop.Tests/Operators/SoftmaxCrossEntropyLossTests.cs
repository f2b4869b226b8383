namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class SoftmaxCrossEntropyLossTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values("none", "sum", "mean")] string reduction, [Values] bool hasWeights, [Values] bool ignores)
    {
        OperatorTester tester = new OperatorTester("SoftmaxCrossEntropyLoss", 13).Input(TestTensors.Floats(1, 2, 5, 3)).Input(TestTensors.Random(ElementType.Int64, 2, 0, 4, 2, 3)).Attribute("reduction", reduction).Output(ElementType.Float32).Output(ElementType.Float32);
        _ = hasWeights ? tester.Input(TestTensors.Random(ElementType.Float32, 3, 0.1, 1, 5)) : tester;
        _ = ignores ? tester.Attribute("ignore_index", 1) : tester;
        tester.Check();
    }

    [Test]
    public void WrongInputs() => new OperatorTester("SoftmaxCrossEntropyLoss", 13).Input(TestTensors.Floats(1, 5)).Input(TestTensors.Integers(1)).Fails<InvalidGraphException>();
}
