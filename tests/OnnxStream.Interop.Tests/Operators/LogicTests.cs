namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class LogicTests
{
    private static readonly string[] s_operators = ["And", "Or", "Xor"];

    [TestCase(new long[] { 3, 5 }, new long[] { 3, 5 })]
    [TestCase(new long[] { 3, 1 }, new long[] { 5 })]
    [TestCase(new long[] { }, new long[] { 2, 5 })]
    [TestCase(new long[] { 0 }, new long[] { })]
    public void Broadcasts(long[] left, long[] right)
    {
        foreach (string name in s_operators)
        {
            new OperatorTester(name, 7).Input(TestTensors.Random(ElementType.Bool, 1, -1, 1, left)).Input(TestTensors.Random(ElementType.Bool, 2, -1, 1, right)).Output(ElementType.Bool).Check();
        }
    }

    [Test]
    public void RefusesWrongNodes() =>
        new OperatorTester("And", 7).Input(TestTensors.Floats(1, 3)).Input(TestTensors.Floats(1, 3)).Output(ElementType.Bool).Fails<InvalidGraphException>();
}
