namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class GatherElementsTests
{
    [Test]
    public void Axes([Values(0, 1, 2, -1)] int axis, [Values(ElementType.Int32, ElementType.Int64)] ElementType indices) =>
        new OperatorTester("GatherElements", 13).Input(TestTensors.Floats(1, 5, 4, 6)).Input(TestTensors.Random(indices, 2, -4, 3, 5, 4, 6)).Attribute("axis", axis).Check();

    [Test]
    public void FewerIndices([Values(0, 1)] int axis) =>
        new OperatorTester("GatherElements", 13).Input(TestTensors.Floats(1, 5, 4)).Input(TestTensors.Random(ElementType.Int64, 2, -4, 3, axis == 0 ? 9 : 2, axis == 0 ? 3 : 11)).Attribute("axis", axis).Check();

    [Test]
    public void Types([Values(ElementType.Float64, ElementType.Int64, ElementType.UInt8, ElementType.Bool)] ElementType type) =>
        new OperatorTester("GatherElements", 11).Input(TestTensors.Random(type, 1, -0.4, 9, 5, 4)).Input(TestTensors.Random(ElementType.Int64, 2, 0, 3, 5, 4)).Attribute("axis", 1).Output(type).Check();

    [Test]
    public void Empty() =>
        new OperatorTester("GatherElements", 13).Input(TestTensors.Floats(1, 5, 4)).Input(TestTensors.Random(ElementType.Int64, 2, 0, 3, 0, 4)).Check();

    [Test]
    public void RefusesWrongNodes()
    {
        new OperatorTester("GatherElements", 13).Input(TestTensors.Floats(1, 3, 2)).Input(TestTensors.Integers(0)).Fails<InvalidGraphException>();
        new OperatorTester("GatherElements", 13).Input(TestTensors.Floats(1, 3)).Input(TestTensors.Integers(0)).Attribute("axis", 1).Fails<InvalidGraphException>();
        new OperatorTester("GatherElements", 13).Input(TestTensors.Floats(1, 3, 2)).Input(TestTensors.Random(ElementType.Int64, 1, 0, 1, 1, 3)).Fails<InvalidGraphException>();
        new OperatorTester("GatherElements", 13).Input(TestTensors.Floats(1, 3)).Input(TestTensors.Floats(1, 3)).Fails<InvalidGraphException>();
        new OperatorTester("GatherElements", 13).Input(TestTensors.Floats(1, 3)).Input(TestTensors.Integers(0, 3)).Fails<InvalidInputException>();
        new OperatorTester("GatherElements", 13).Input(TestTensors.Floats(1, 3)).Input(TestTensors.Integers(-4)).Fails<InvalidInputException>();
    }
}
