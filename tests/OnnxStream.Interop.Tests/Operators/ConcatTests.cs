namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class ConcatTests
{
    private static readonly ElementType[] s_types = [ElementType.Float32, ElementType.Float64, ElementType.Float16, ElementType.Int64, ElementType.UInt8, ElementType.Bool];

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(-1)]
    public void Axes(int axis)
    {
        OperatorTester tester = new("Concat", 13);
        for (int i = 0; i < 3; i++)
        {
            long[] shape = [3, 4, 5];
            shape[axis < 0 ? axis + 3 : axis] = i + 1;
            tester.Input(TestTensors.Floats(i, shape));
        }

        tester.Attribute("axis", axis).Check();
    }

    [Test]
    public void Types([ValueSource(nameof(s_types))] ElementType type) =>
        new OperatorTester("Concat", 13).Input(TestTensors.Random(type, 1, 0, 9, 2, 3)).Input(TestTensors.Random(type, 2, 0, 9, 2, 1)).Attribute("axis", 1).Output(type).Check();

    [Test]
    public void One() => new OperatorTester("Concat", 4).Input(TestTensors.Floats(1, 2, 3)).Attribute("axis", 1).Check();

    [Test]
    public void EmptyParts() =>
        new OperatorTester("Concat", 13).Input(TestTensors.Floats(1, 2, 0)).Input(TestTensors.Floats(2, 2, 3)).Input(TestTensors.Floats(3, 2, 0)).Attribute("axis", 1).Check();

    [Test]
    public void ManyInputs()
    {
        OperatorTester tester = new("Concat", 13);
        for (int i = 0; i < 40; i++)
        {
            tester.Input(TestTensors.Floats(i, 2, 1 + i % 3, 7));
        }

        tester.Attribute("axis", 1).Check();
    }

    [Test]
    public void Large() =>
        new OperatorTester("Concat", 13).Input(TestTensors.Floats(1, 5, 40001)).Input(TestTensors.Floats(2, 5, 7)).Attribute("axis", 1).Check(constantsToo: false);

    [Test]
    public void RefusesWrongNodes()
    {
        new OperatorTester("Concat", 13).Input(TestTensors.Floats(1, 3, 2)).Input(TestTensors.Floats(1, 3, 3)).Attribute("axis", 0).Fails<InvalidGraphException>();
        new OperatorTester("Concat", 13).Input(TestTensors.Floats(1, 3, 2)).Input(TestTensors.Floats(1, 3)).Attribute("axis", 0).Fails<InvalidGraphException>();
        new OperatorTester("Concat", 13).Input(TestTensors.Floats(1, 3)).Input(TestTensors.Integers(1, 3)).Attribute("axis", 0).Fails<InvalidGraphException>();
        new OperatorTester("Concat", 13).Input(TestTensors.Floats(1, 3)).Input(TestTensors.Floats(1, 3)).Attribute("axis", 1).Fails<InvalidGraphException>();
        new OperatorTester("Concat", 13).Input(TestTensors.Floats(1, 3)).Input(TestTensors.Floats(1, 3)).Fails<InvalidGraphException>();
    }
}
