namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class NegativeLogLikelihoodLossTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values("none", "sum", "mean")] string reduction, [Values] bool hasWeights, [Values] bool ignores, [Values(ElementType.Int64, ElementType.Int32)] ElementType index)
    {
        OperatorTester tester = new OperatorTester("NegativeLogLikelihoodLoss", 13).Input(TestTensors.Floats(1, 2, 5, 3)).Input(TestTensors.Random(index, 2, 0, 4, 2, 3)).Attribute("reduction", reduction);
        _ = hasWeights ? tester.Input(TestTensors.Random(ElementType.Float32, 3, 0.1, 1, 5)) : tester;
        _ = ignores ? tester.Attribute("ignore_index", 1) : tester;
        tester.Check();
    }

    [Test]
    public void WrongInputs()
    {
        new OperatorTester("NegativeLogLikelihoodLoss", 13).Input(TestTensors.Floats(1, 2, 5)).Input(TestTensors.Integers(1)).Fails<InvalidGraphException>();
        new OperatorTester("NegativeLogLikelihoodLoss", 13).Input(TestTensors.Floats(1, 2, 5)).Input(TestTensors.Integers(1, 2)).Input(TestTensors.Floats(1, 4)).Fails<InvalidGraphException>();
        new OperatorTester("NegativeLogLikelihoodLoss", 13).Input(TestTensors.Floats(1, 2, 5)).Input(TestTensors.Integers(1, 2)).Attribute("reduction", "most").Fails<InvalidGraphException>();
    }
}
