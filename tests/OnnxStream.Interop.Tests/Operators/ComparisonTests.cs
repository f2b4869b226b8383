namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class ComparisonTests
{
    private static readonly string[] s_operators = ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"];

    [Test]
    public void Types([ValueSource(nameof(s_operators))] string name, [Values(ElementType.Float32, ElementType.Float64, ElementType.Int64, ElementType.Int32)] ElementType type) =>
        new OperatorTester(name, 16).Input(TestTensors.Random(type, 1, -3, 3, 7, 1, 40)).Input(TestTensors.Random(type, 2, -3, 3, 3, 40)).Output(ElementType.Bool).Check();

    [Test]
    public void SpecialNumbers([ValueSource(nameof(s_operators))] string name)
    {
        float[] values = [float.NaN, 0, -0f, float.PositiveInfinity, float.NegativeInfinity, 1];
        new OperatorTester(name, 13).Input(TensorBuffer.Create<float>(values, 6, 1)).Input(TensorBuffer.Create<float>(values, 6)).Output(ElementType.Bool).Check();
    }

    [Test]
    public void HalfPrecision([ValueSource(nameof(s_operators))] string name)
    {
        TensorBuffer left = TestTensors.Random(ElementType.Float16, 1, -1, 1, 5, 4);
        TensorBuffer right = TestTensors.Random(ElementType.Float16, 2, -1, 1, 4);
        left.Span<Half>()[3] = right.Span<Half>()[3];
        new OperatorTester(name, 13).Input(left).Input(right).Output(ElementType.Bool).CheckAgainst(inputs =>
        {
            TensorBuffer output = new(ElementType.Bool, inputs[0].Shape);
            for (int i = 0; i < 20; i++)
            {
                float a = (float)inputs[0].Span<Half>()[i];
                float b = (float)inputs[1].Span<Half>()[i % 4];
                output.Span<bool>()[i] = name switch
                {
                    "Equal" => a == b,
                    "Less" => a < b,
                    "LessOrEqual" => a <= b,
                    "Greater" => a > b,
                    _ => a >= b,
                };
            }

            return [output];
        });
    }

    [Test]
    public void TruthValuesAreEqual() =>
        new OperatorTester("Equal", 13).Input(TestTensors.Random(ElementType.Bool, 1, -1, 1, 40)).Input(TestTensors.Random(ElementType.Bool, 2, -1, 1, 40)).Output(ElementType.Bool).Check();

    [Test]
    public void OldOperatorSets([Values("Equal", "Less", "Greater")] string name)
    {
        // ONNX Runtime starts at operator set 7: the rule is the specification's. The other comparisons are younger.
        ElementType type = name == "Equal" ? ElementType.Int32 : ElementType.Float32;
        new OperatorTester(name, 7).Input(TestTensors.Random(type, 1, -3, 3, 2, 3, 4)).Input(TestTensors.Random(type, 2, -3, 3, 4)).Output(ElementType.Bool).Check();
        new OperatorTester(name, 6).Input(TestTensors.Random(type, 1, -3, 3, 2, 3, 4)).Input(TestTensors.Random(type, 2, -3, 3, 3)).Attribute("broadcast", 1).Attribute("axis", 1).Output(ElementType.Bool).CheckAgainst(inputs =>
        {
            double[] a = TestTensors.ToDoubles(inputs[0]);
            double[] b = TestTensors.ToDoubles(inputs[1]);
            TensorBuffer output = new(ElementType.Bool, inputs[0].Shape);
            for (int i = 0; i < a.Length; i++)
            {
                double right = b[i / 4 % 3];
                output.Span<bool>()[i] = name == "Equal" ? a[i] == right : name == "Less" ? a[i] < right : a[i] > right;
            }

            return [output];
        });
    }

    [Test]
    public void RefusesWrongNodes()
    {
        new OperatorTester("Less", 13).Input(TestTensors.Floats(1, 3)).Input(TestTensors.Integers(1)).Output(ElementType.Bool).Fails<InvalidGraphException>();
        new OperatorTester("Less", 13).Input(TestTensors.Floats(1, 3)).Input(TestTensors.Floats(1, 2)).Output(ElementType.Bool).Fails<InvalidGraphException>();
        new OperatorTester("Less", 6).Input(TestTensors.Floats(1, 3, 2)).Input(TestTensors.Floats(1, 3, 2)).Attribute("broadcast", 1).Attribute("axis", 1).Output(ElementType.Bool).Fails<InvalidGraphException>();
    }
}
