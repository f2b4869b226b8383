namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class ClipTests
{
    [Test]
    public void BoundsAsAttributes([Values] bool low, [Values] bool high)
    {
        OperatorTester tester = new OperatorTester("Clip", 6).Input(TestTensors.Floats(1, 3, 5, 7));
        _ = low ? tester.Attribute("min", -0.5f) : tester;
        _ = high ? tester.Attribute("max", 1f) : tester;
        tester.Check();
    }

    [Test]
    public void BoundsAsInputs([Values] bool low, [Values] bool high, [Values] bool constant, [Values(ElementType.Float32, ElementType.Float64, ElementType.Int64, ElementType.Int32, ElementType.Int8, ElementType.Float16)] ElementType type) =>
        new OperatorTester("Clip", 13)
            .Input(TestTensors.Random(type, 1, -20, 20, 3, 5, 7))
            .Input(low ? TestTensors.FromDoubles(type, [-5]) : null, constant).Input(high ? TestTensors.FromDoubles(type, [7]) : null, constant).Output(type).Check();

    [TestCase(2, 1)]
    [TestCase(1, 1)]
    [TestCase(double.NegativeInfinity, 0)]
    public void UnusualBounds(double low, double high) =>
        new OperatorTester("Clip", 13).Input(TestTensors.Floats(1, 3, 5)).Constant(TestTensors.FromDoubles(ElementType.Float32, [low])).Constant(TestTensors.FromDoubles(ElementType.Float32, [high])).Check();

    [Test]
    public void Empty() => new OperatorTester("Clip", 13).Input(TestTensors.Floats(1, 3, 0)).Constant(TestTensors.FromDoubles(ElementType.Float32, [0])).Check();

    [Test]
    public void BoundsMustBeScalarsOfTheType()
    {
        Assert.Throws<InvalidGraphException>(() => new OperatorTester("Clip", 13).Input(TestTensors.Floats(1, 3)).Constant(TestTensors.Floats(1, 3)).Run());
        Assert.Throws<InvalidGraphException>(() => new OperatorTester("Clip", 13).Input(TestTensors.Floats(1, 3)).Constant(TestTensors.Integers(1)).Run());
    }

    // Runs of every length; zeros of both signs, infinities and NaN, as elements and as bounds.
    [Test]
    public void SpecialNumbers([Values(double.NegativeInfinity, -1, -0.0, 0.0, 1, double.NaN)] double low, [Values(-1, -0.0, 0.0, 1, double.PositiveInfinity, double.NaN)] double high, [Values(ElementType.Float32, ElementType.Float64)] ElementType type)
    {
        double[] specials = [0.0, -0.0, 1, -1, 0.5, -0.5, 2, -2, double.NaN, double.PositiveInfinity, double.NegativeInfinity, 1e-40];
        foreach (int length in (int[])[1, 5, 8, 15, 16, 17, 31, 32, 33, 65])
        {
            double[] numbers = [.. Enumerable.Range(length, length).Select(i => specials[i % specials.Length])];
            TensorBuffer output = new OperatorTester("Clip", 13).Input(TestTensors.FromDoubles(type, numbers, length)).Constant(TestTensors.FromDoubles(type, [low])).Constant(TestTensors.FromDoubles(type, [high])).Output(type).Run();
            double[] actual = TestTensors.ToDoubles(output);
            for (int i = 0; i < length; i++)
            {
                double expected = Math.Min(Math.Max(numbers[i], low), high);
                bool isEqual = double.IsNaN(expected) ? double.IsNaN(actual[i]) : Math.Abs(actual[i] - expected) < 1e-44 || actual[i] == expected;
                Assert.That(isEqual && (double.IsNaN(expected) || double.IsNegative(actual[i]) == double.IsNegative(expected)), Is.True, () => $"{numbers[i]} of {length} becomes {actual[i]}, expected {expected}");
            }
        }
    }

    [Test]
    public void Integers([Values(ElementType.Int64, ElementType.Int32, ElementType.Int8, ElementType.UInt8)] ElementType type)
    {
        for (int length = 1; length < 140; length += 3)
        {
            double[] numbers = [.. Enumerable.Range(0, length).Select(i => i * 37 % 120.0)];
            TensorBuffer output = new OperatorTester("Clip", 13).Input(TestTensors.FromDoubles(type, numbers, length)).Constant(TestTensors.FromDoubles(type, [20])).Constant(TestTensors.FromDoubles(type, [90])).Output(type).Run();
            Assert.That(TestTensors.ToDoubles(output), Is.EqualTo((double[])[.. numbers.Select(number => Math.Clamp(number, 20, 90))]));
        }
    }
}
