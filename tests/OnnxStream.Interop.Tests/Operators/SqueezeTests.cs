namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class SqueezeTests
{
    [TestCase(new[] { 0 })]
    [TestCase(new[] { 0, 2 })]
    [TestCase(null)]
    public void Attributes(int[]? axes)
    {
        OperatorTester tester = new OperatorTester("Squeeze", 11).Input(TestTensors.Floats(1, 1, 3, 1, 2));
        if (axes is not null)
        {
            tester.Attribute("axes", axes);
        }

        tester.Check();
    }

    [Test]
    public void AxesAsInput() => new OperatorTester("Squeeze", 13).Input(TestTensors.Floats(1, 1, 3, 1, 2)).Constant(TestTensors.Integers(-2, 0)).Check();

    [Test]
    public void Everything() => new OperatorTester("Squeeze", 13).Input(TestTensors.Floats(1, 1, 1)).Check();

    [Test]
    public void RefusesWrongNodes()
    {
        new OperatorTester("Squeeze", 13).Input(TestTensors.Floats(1, 1, 3)).Constant(TestTensors.Integers(1)).Fails<InvalidGraphException>();
        new OperatorTester("Squeeze", 13).Input(TestTensors.Floats(1, 1, 3)).Constant(TestTensors.Integers(2)).Fails<InvalidGraphException>();
        new OperatorTester("Squeeze", 13).Input(TestTensors.Floats(1, 1, 3)).Constant(TestTensors.Integers(0, -2)).Fails<InvalidGraphException>();
    }
}
