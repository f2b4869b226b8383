namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class ReverseSequenceTests
{
    [Test]
    public void Axes([Values(0, 1)] int batchAxis, [Values(new long[] { 4, 4 }, new long[] { 4, 4, 3 })] long[] shape) =>
        new OperatorTester("ReverseSequence", 10).Input(TestTensors.Floats(1, shape)).Input(TestTensors.Integers(1, 4, 2, 3)).Attribute("batch_axis", batchAxis).Attribute("time_axis", 1 - batchAxis).Check();

    [Test]
    public void DefaultAxes() =>
        new OperatorTester("ReverseSequence", 10).Input(TestTensors.Random(ElementType.Int64, 1, -9, 9, 5, 2)).Input(TestTensors.Integers(5, 1)).Output(ElementType.Int64).Check();

    [Test]
    public void RefusesWrongNodes()
    {
        OperatorTester Tester(params long[] lengths) => new OperatorTester("ReverseSequence", 10).Input(TestTensors.Floats(1, 3, 2)).Input(TestTensors.Integers(lengths));
        Tester(1, 2, 3).Fails<InvalidGraphException>();
        Tester(1, 2).Attribute("batch_axis", 0).Fails<InvalidGraphException>();
        Tester(1, 2).Attribute("time_axis", 2).Fails<InvalidGraphException>();
        Tester(1, 4).Fails<InvalidInputException>();
        Tester(-1, 2).Fails<InvalidInputException>();
    }
}
