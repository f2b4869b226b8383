namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class InverseTests
{
    [Test]
    public void Sizes([Values(1, 2, 3, 8, 33)] int size, [Values(ElementType.Float32, ElementType.Float64)] ElementType type)
    {
        // Far from being singular.
        double[] numbers = TestTensors.ToDoubles(TestTensors.Random(type, 1, -1, 1, 2, 3, size, size));
        for (int i = 0; i < 6 * size; i++)
        {
            numbers[i / size * size * size + i % size * (size + 1)] += 2 + size;
        }

        new OperatorTester("Inverse", 17, "com.microsoft").Input(TestTensors.FromDoubles(type, numbers, 2, 3, size, size)).Output(type).Check();
    }

    [Test]
    public void RowsMustBeExchanged() => new OperatorTester("Inverse", 17, "com.microsoft").Input(TestTensors.FromDoubles(ElementType.Float32, [0, 1, 2, 1, 0, 3, 4, -3, 8], 3, 3)).Check();

    [Test]
    public void NoInverse() => Assert.That(TestTensors.ToDoubles(new OperatorTester("Inverse", 17, "com.microsoft").Input(TestTensors.FromDoubles(ElementType.Float32, [1, 2, 2, 4], 2, 2)).Run()), Has.Some.Matches<double>(x => !double.IsFinite(x)));

    [Test]
    public void WrongShapes() => new OperatorTester("Inverse", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 3)).Fails<InvalidGraphException>();
}
