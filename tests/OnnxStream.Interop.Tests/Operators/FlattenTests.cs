namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class FlattenTests
{
    [Test]
    public void Axes([Values(-3, -1, 0, 1, 2, 3)] int axis) => new OperatorTester("Flatten", 11).Input(TestTensors.Floats(1, 2, 3, 4)).Attribute("axis", axis).Check();

    [Test]
    public void DefaultAxis([Values(9, 13)] int operatorSet) => new OperatorTester("Flatten", operatorSet).Input(TestTensors.Floats(1, 2, 0, 4)).Check();

    [Test]
    public void RefusesWrongNodes() => new OperatorTester("Flatten", 13).Input(TestTensors.Floats(1, 2, 3)).Attribute("axis", 3).Fails<InvalidGraphException>();
}
