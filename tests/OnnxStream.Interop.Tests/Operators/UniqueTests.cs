namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class UniqueTests
{
    [Test]
    public void Elements([Values(ElementType.Float32, ElementType.Float64, ElementType.Int64, ElementType.Int8)] ElementType type, [Values(0, 1)] int sorted) =>
        All(new OperatorTester("Unique", 11).Input(TestTensors.Random(type, 1, type.IsFloat() ? 0 : -4, 4, 5, 9)).Attribute("sorted", sorted), type).Check();

    [Test]
    public void Repeated([Values(0, 1)] int sorted) =>
        All(new OperatorTester("Unique", 11).Input(TensorBuffer.Create<float>([2, 1, 1, 3, 4, 3, 2, -1], 8)).Attribute("sorted", sorted), ElementType.Float32).Check();

    [Test]
    public void Slices([Values(0, 1, 2, -1)] int axis, [Values(0, 1)] int sorted) =>
        All(new OperatorTester("Unique", 11).Input(TestTensors.Random(ElementType.Int64, 1, 0, 1, 3, 2, 3)).Attribute("axis", axis).Attribute("sorted", sorted), ElementType.Int64).Check();

    [Test]
    public void OnlySomeOutputs()
    {
        TensorBuffer input = TestTensors.Random(ElementType.Int64, 1, 0, 5, 30);
        new OperatorTester("Unique", 11).Input(input).Output(ElementType.Int64).Check();
        new OperatorTester("Unique", 11).Input(input).Output(ElementType.Int64).Output(ElementType.Undefined).Output(ElementType.Int64).Check();
        new OperatorTester("Unique", 11).Input(input).Output(ElementType.Int64).Output(ElementType.Undefined).Output(ElementType.Undefined).Output(ElementType.Int64).Check();
    }

    [Test]
    public void RefusesWrongNodes() => new OperatorTester("Unique", 11).Input(TestTensors.Floats(1, 4)).Attribute("axis", 1).Fails<InvalidGraphException>();

    private static OperatorTester All(OperatorTester tester, ElementType type) => tester.Output(type).Output(ElementType.Int64).Output(ElementType.Int64).Output(ElementType.Int64);

    // In the order in which they come first, and without their places.
    [Test]
    public void OfMicrosoft([Values(1, 40)] int count) =>
        new OperatorTester("Unique", 17, "com.microsoft").Input(TestTensors.FromDoubles(ElementType.Float32, [.. TestTensors.ToDoubles(TestTensors.Random(ElementType.Int64, 1, 0, 9, count))], count)).Output(ElementType.Float32).Output(ElementType.Int64).Output(ElementType.Int64).Check();

    [Test]
    public void BrainFloats()
    {
        RunResult result = new OperatorTester("Unique", 28).Input(TestTensors.FromDoubles(ElementType.BFloat16, [2, -1.5, 0, 2, -3, -0.0, -1.5], 7)).Output(ElementType.BFloat16).Output(ElementType.Int64).Output(ElementType.Int64).Output(ElementType.Int64).RunAll();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(TestTensors.ToDoubles(result["o0"]), Is.EqualTo([-3, -1.5, 0, 2]));
            Assert.That(result["o1"].Span<long>().ToArray(), Is.EqualTo([4L, 1, 2, 0]));
            Assert.That(result["o2"].Span<long>().ToArray(), Is.EqualTo([3L, 1, 2, 3, 0, 2, 1]));
            Assert.That(result["o3"].Span<long>().ToArray(), Is.EqualTo([1L, 2, 2, 2]));
        }
    }
}
