namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class ScatterElementsTests
{
    private static readonly string[] s_reductions = ["none", "add", "mul", "max", "min"];

    [Test]
    public void Axes([Values(0, 1, 2, -1)] int axis, [ValueSource(nameof(s_reductions))] string reduction) =>
        new OperatorTester("ScatterElements", 18).Input(TestTensors.Floats(1, 5, 4, 6)).Input(TestTensors.Random(ElementType.Int64, 2, -4, 3, 2, 4, 3)).Input(TestTensors.Floats(3, 2, 4, 3))
            .Attribute("axis", axis).Attribute("reduction", reduction).Check();

    [Test]
    public void Types([Values(ElementType.Float64, ElementType.Int64, ElementType.Int32, ElementType.UInt8)] ElementType type, [ValueSource(nameof(s_reductions))] string reduction) =>
        new OperatorTester("ScatterElements", 18).Input(TestTensors.Random(type, 1, 0, 9, 7)).Input(TestTensors.Random(ElementType.Int32, 2, 0, 6, 20)).Input(TestTensors.Random(type, 3, 0, 3, 20))
            .Attribute("reduction", reduction).Output(type).Check();

    [TestCase("Scatter", 9)]
    [TestCase("ScatterElements", 11)]
    [TestCase("ScatterElements", 13)]
    public void OldOperatorSets(string name, int operatorSet) =>
        new OperatorTester(name, operatorSet).Input(TestTensors.Floats(1, 5, 4)).Input(TensorBuffer.Create<long>([1, 0, 2, 3], 1, 4)).Input(TestTensors.Floats(3, 1, 4)).Check();

    [Test]
    public void NothingToChange() =>
        new OperatorTester("ScatterElements", 18).Input(TestTensors.Floats(1, 5, 4)).Input(TestTensors.Random(ElementType.Int64, 1, 0, 1, 0, 4)).Input(TestTensors.Floats(3, 0, 4)).Check();

    [Test]
    public void RefusesWrongNodes()
    {
        OperatorTester Tester(TensorBuffer indices, TensorBuffer updates) => new OperatorTester("ScatterElements", 18).Input(TestTensors.Floats(1, 3, 2)).Input(indices).Input(updates);
        TensorBuffer zeros = TestTensors.Random(ElementType.Int64, 1, 0, 0, 1, 2);
        Tester(zeros, TestTensors.Floats(1, 2, 2)).Fails<InvalidGraphException>();
        Tester(zeros, zeros).Fails<InvalidGraphException>();
        Tester(TestTensors.Integers(0), TestTensors.Floats(1, 1)).Fails<InvalidGraphException>();
        Tester(zeros, TestTensors.Floats(1, 1, 2)).Attribute("reduction", "sub").Fails<InvalidGraphException>();
        Tester(TensorBuffer.Create<long>([0, 3], 1, 2), TestTensors.Floats(1, 1, 2)).Fails<InvalidInputException>();
    }

    [Test]
    public void TruthValues([Values("add", "mul", "max", "min")] string reduction)
    {
        OperatorTester tester = new OperatorTester("ScatterElements", 18).Input(TensorBuffer.Create<bool>([false, false, true, true], 4)).Input(TestTensors.Integers(0, 1, 2, 3)).Input(TensorBuffer.Create<bool>([false, true, false, true], 4))
            .Attribute("reduction", reduction).Output(ElementType.Bool);
        bool[] expected = reduction is "add" or "max" ? [false, true, true, true] : [false, false, false, true];
        Assert.That(tester.Run().Span<bool>().ToArray(), Is.EqualTo(expected));
    }
}
