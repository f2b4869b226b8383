namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class InstanceNormalizationTests
{
    private static readonly long[][] s_shapes = [[1, 3, 5], [2, 3, 4, 5], [1, 32, 4099], [3, 1, 7, 2, 3], [1, 2, 300, 301], [2, 5, 1, 1], [0, 3, 4], [1, 1, 1]];

    [Test]
    public void AgreesWithOnnxRuntime([ValueSource(nameof(s_shapes))] long[] shape, [Values(1e-5f, 0.1f)] float epsilon, [Values] bool constant) =>
        new OperatorTester("InstanceNormalization", 6)
            .Input(TestTensors.Floats(1, shape)).Input(TestTensors.Floats(2, shape[1]), constant).Input(TestTensors.Floats(3, shape[1]), constant)
            .Attribute("epsilon", epsilon).Check(constantsToo: false);

    [Test]
    public void LargeMean() =>
        Compare(TestTensors.Random(ElementType.Float32, 1, 99.9, 100.1, 1, 2, 20000), 1e-5);

    [Test]
    public void LongRowsOfDifferentLevels()
    {
        // A slope over the row: no single shift suits all of it.
        double[] values = [.. Enumerable.Range(0, 100_000).Select(i => (double)(float)(i * 0.01 + Math.Sin(i)))];
        Compare(TestTensors.FromDoubles(ElementType.Float32, values, 1, 1, values.Length), 1e-6);
    }

    [TestCase(ElementType.Float64, 1e-9)]
    [TestCase(ElementType.Float16, 1e-3)]
    public void OtherTypes(ElementType type, double tolerance) => Compare(TestTensors.Random(type, 1, -3, 5, 2, 3, 5000), tolerance);

    [Test]
    public void WrongShapes()
    {
        Assert.Throws<InvalidGraphException>(() => new OperatorTester("InstanceNormalization").Input(TestTensors.Floats(1, 2, 3)).Input(TestTensors.Floats(1, 3)).Input(TestTensors.Floats(1, 3)).Run());
        Assert.Throws<InvalidGraphException>(() => new OperatorTester("InstanceNormalization").Input(TestTensors.Floats(1, 2, 3, 4)).Input(TestTensors.Floats(1, 2)).Input(TestTensors.Floats(1, 3)).Run());
    }

    // Against a naive loop in double precision.
    private static void Compare(TensorBuffer input, double tolerance)
    {
        long channels = input.Shape[1];
        long length = input.Shape.Product(2, input.Shape.Rank);
        double[] x = TestTensors.ToDoubles(input);
        TensorBuffer scale = TestTensors.Random(input.ElementType, 2, 0.5, 2, channels);
        TensorBuffer bias = TestTensors.Random(input.ElementType, 3, -1, 1, channels);
        double[] expected = new double[x.Length];
        for (int row = 0; row < x.Length / length; row++)
        {
            double[] values = x[(int)(row * length)..(int)((row + 1) * length)];
            double mean = values.Average();
            double deviation = Math.Sqrt(values.Average(value => (value - mean) * (value - mean)) + 1e-5f);
            for (int i = 0; i < length; i++)
            {
                expected[row * length + i] = (values[i] - mean) / deviation * TestTensors.ToDoubles(scale)[row % channels] + TestTensors.ToDoubles(bias)[row % channels];
            }
        }

        TensorBuffer actual = new OperatorTester("InstanceNormalization", 6).Input(input).Input(scale).Input(bias).Output(input.ElementType).Run();
        TestTensors.AssertNumbersClose(actual, expected, tolerance, "InstanceNormalization");
    }
}
