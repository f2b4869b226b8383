namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class CumulativeTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values(0, 1, -1)] int axis, [Values(0, 1)] int exclusive, [Values(0, 1)] int reverse, [Values(ElementType.Float32, ElementType.Int64, ElementType.Int32, ElementType.Float64)] ElementType type) =>
        new OperatorTester("CumSum", 14).Input(TestTensors.Random(type, 1, -3, 3, 4, 30, 5)).Constant(TestTensors.FromDoubles(ElementType.Int64, [axis]))
            .Attribute("exclusive", exclusive).Attribute("reverse", reverse).Output(type).Check();

    [Test]
    public void Products([Values(0, 1, -1)] int axis, [Values(0, 1)] int exclusive, [Values(0, 1)] int reverse, [Values(ElementType.Float32, ElementType.Int64, ElementType.Int32, ElementType.Float64, ElementType.Float16, ElementType.BFloat16)] ElementType type) =>
        new OperatorTester("CumProd", 26) { Tolerance = type == ElementType.BFloat16 ? 1.0 / 128 : type == ElementType.Float16 ? 1.0 / 1024 : 1e-6 }
            .Input(TestTensors.Random(type, 1, 1, 2, 3, 7, 5)).Constant(TestTensors.FromDoubles(ElementType.Int64, [axis]))
            .Attribute("exclusive", exclusive).Attribute("reverse", reverse).Output(type).CheckAgainst(inputs => [Product(inputs[0], axis, exclusive != 0, reverse != 0)]);

    [Test]
    public void ProductsWrapAround() =>
        new OperatorTester("CumProd", 26).Input(TensorBuffer.Create<int>([1 << 20, 1 << 11, -3, 5], 4)).Constant(TestTensors.Integers(0)).Output(ElementType.Int32)
            .CheckAgainst(_ => [TensorBuffer.Create<int>([1 << 20, int.MinValue, int.MinValue, int.MinValue], 4)]);

    [Test]
    public void AxisAtRunTime([Values("CumSum", "CumProd")] string name, [Values(ElementType.Int32, ElementType.Int64)] ElementType type)
    {
        TensorBuffer input = TestTensors.Floats(1, 4, 5);
        TensorBuffer axis = TestTensors.FromDoubles(type, [1], 1);
        if (name == "CumSum")
        {
            new OperatorTester(name, 11).Input(input).Input(axis).Check();
        }
        else
        {
            new OperatorTester(name, 26).Input(input).Input(axis).CheckAgainst(_ => [Product(input, 1, false, false)]);
        }
    }

    [Test]
    public void Empty([Values("CumSum", "CumProd")] string name) =>
        new OperatorTester(name, 26).Input(TestTensors.Floats(1, 0, 5)).Constant(TestTensors.Integers(0)).CheckAgainst(inputs => [inputs[0]]);

    [Test]
    public void WrongAxis([Values("CumSum", "CumProd")] string name)
    {
        new OperatorTester(name, 26).Input(TestTensors.Floats(1, 4, 5)).Constant(TestTensors.Integers(2)).Fails<InvalidGraphException>();
        new OperatorTester(name, 26).Input(TestTensors.Floats(1, 4, 5)).Constant(TestTensors.Integers(0, 1)).Fails<InvalidGraphException>();
    }

    private static TensorBuffer Product(TensorBuffer input, int axis, bool isExclusive, bool isReversed)
    {
        long[] shape = input.Shape.ToArray();
        axis = axis < 0 ? axis + shape.Length : axis;
        int inner = (int)shape[(axis + 1)..].Aggregate(1L, (a, b) => a * b);
        int length = (int)shape[axis];
        double[] values = TestTensors.ToDoubles(input);
        double[] result = new double[values.Length];
        for (int line = 0; line < values.Length / length; line++)
        {
            double product = 1;
            for (int i = 0; i < length; i++)
            {
                int index = line / inner * length * inner + (isReversed ? length - 1 - i : i) * inner + line % inner;
                double before = product;
                product *= values[index];
                result[index] = isExclusive ? before : product;
            }
        }

        return TestTensors.FromDoubles(input.ElementType, result, shape);
    }

    // Neighbouring lines that are whole vectors, and some more.
    [Test]
    public void ManyLines([Values(1, 7, 8, 16, 33, 300)] int lines, [Values(0, 1)] int exclusive, [Values(0, 1)] int reverse, [Values(ElementType.Float32, ElementType.Float64, ElementType.Int32, ElementType.Int64)] ElementType type) =>
        new OperatorTester("CumSum", 14).Input(TestTensors.Random(type, 1, -3, 3, 2, 9, lines)).Constant(TestTensors.FromDoubles(ElementType.Int64, [1]))
            .Attribute("exclusive", exclusive).Attribute("reverse", reverse).Output(type).Check(constantsToo: false);
}
