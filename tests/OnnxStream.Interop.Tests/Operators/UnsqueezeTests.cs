namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class UnsqueezeTests
{
    [TestCase(new[] { 0 })]
    [TestCase(new[] { 2, 0 })]
    [TestCase(new[] { 3 })]
    public void Attributes(int[] axes) => new OperatorTester("Unsqueeze", 11).Input(TestTensors.Floats(1, 3, 2, 5)).Attribute("axes", axes).Check();

    [Test]
    public void AxesAsInput() => new OperatorTester("Unsqueeze", 13).Input(TestTensors.Floats(1, 3, 2)).Constant(TestTensors.Integers(-1, 0)).Check();

    [Test]
    public void OfScalar() => new OperatorTester("Unsqueeze", 13).Input(TestTensors.Floats(1)).Constant(TestTensors.Integers(0)).Check();

    [Test]
    public void RefusesWrongNodes()
    {
        new OperatorTester("Unsqueeze", 13).Input(TestTensors.Floats(1, 3)).Fails<InvalidGraphException>();
        new OperatorTester("Unsqueeze", 13).Input(TestTensors.Floats(1, 3)).Constant(TestTensors.Integers(2)).Fails<InvalidGraphException>();
        new OperatorTester("Unsqueeze", 13).Input(TestTensors.Floats(1, 3)).Constant(TestTensors.Integers(0, -3)).Fails<InvalidGraphException>();
        new OperatorTester("Unsqueeze", 11).Input(TestTensors.Floats(1, 3)).Fails<InvalidGraphException>();
    }
}
