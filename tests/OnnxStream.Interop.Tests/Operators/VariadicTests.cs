namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class VariadicTests
{
    private static readonly string[] s_operators = ["Max", "Min", "Sum", "Mean"];

    private static readonly long[][][] s_shapes =
    [
        [[3, 5]],
        [[3, 5], [3, 5]],
        [[3, 5], [5], [3, 1]],
        [[1, 5], [3, 1], [2, 1, 1], []],
        [[], []],
        [[2, 0], [1]],
        [[4, 10001], [10001], [4, 10001], [1]],
    ];

    [Test]
    public void Broadcasts([ValueSource(nameof(s_operators))] string name, [ValueSource(nameof(s_shapes))] long[][] shapes)
    {
        OperatorTester tester = new(name, 13);
        for (int i = 0; i < shapes.Length; i++)
        {
            tester.Input(TestTensors.Floats(i, shapes[i]));
        }

        tester.Check();
    }

    [Test]
    public void Types([Values("Max", "Min")] string name, [Values(ElementType.Float64, ElementType.Float16, ElementType.Int64, ElementType.Int32, ElementType.UInt32, ElementType.UInt64)] ElementType type) =>
        new OperatorTester(name, 13).Input(TestTensors.Random(type, 1, 0, 9, 4, 17)).Input(TestTensors.Random(type, 2, 0, 9, 17)).Input(TestTensors.Random(type, 3, 2, 6)).Output(type).Check();

    [Test]
    public void DoublePrecision([Values("Sum", "Mean")] string name) =>
        new OperatorTester(name, 8).Input(TestTensors.Random(ElementType.Float64, 1, 0, 9, 4, 17)).Input(TestTensors.Random(ElementType.Float64, 2, 0, 9, 17)).Output(ElementType.Float64)
            .CheckAgainst(inputs =>
            {
                TensorBuffer output = new(ElementType.Float64, inputs[0].Shape);
                for (int i = 0; i < 68; i++)
                {
                    output.Span<double>()[i] = (inputs[0].Span<double>()[i] + inputs[1].Span<double>()[i % 17]) / (name == "Mean" ? 2 : 1);
                }

                return [output];
            });

    [Test]
    public void NotANumberWins([Values("Max", "Min")] string name)
    {
        float[] values = [float.NaN, 1, -1, float.PositiveInfinity, float.NegativeInfinity, 0];
        new OperatorTester(name, 13).Input(TensorBuffer.Create<float>(values, 6, 1)).Input(TensorBuffer.Create<float>(values, 6)).Check();
    }

    [Test]
    public void OneTensorManyTimes()
    {
        byte[] model = new ModelBuilder(13).Input("x", ElementType.Float32, 3, 4).Node("Exp", "x", "e").Node("Sum", "e e e", "s").Node("Max", "s s", "o").Output("o").ToBytes();
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(1, 3, 4) };
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model));
        TestTensors.AssertClose(session.Run(inputs)["o"], Oracle.Run(model, inputs)["o"], 1e-5, "sum");
    }

    [Test]
    public void RefusesWrongNodes()
    {
        new OperatorTester("Max", 13).Input(TestTensors.Floats(1, 3)).Input(TestTensors.Floats(1, 2)).Fails<InvalidGraphException>();
        new OperatorTester("Max", 13).Input(TestTensors.Floats(1, 1)).Input(TestTensors.Integers(1)).Fails<InvalidGraphException>();
        new OperatorTester("Sum", 13).Input(TestTensors.Integers(1)).Input(TestTensors.Integers(1)).Output(ElementType.Int64).Fails<InvalidGraphException>();
    }
}
