namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class RecurrentTests
{
    private const int Steps = 4;
    private const int Batch = 3;
    private const int Inputs = 5;
    private const int Hidden = 6;

    private static readonly string[] s_operators = ["RNN", "GRU", "LSTM"];
    private static readonly string[] s_directions = ["forward", "reverse", "bidirectional"];

    [Test]
    public void Directions([ValueSource(nameof(s_operators))] string name, [ValueSource(nameof(s_directions))] string direction, [Values] bool everything, [Values] bool constant) =>
        Tester(name, direction, everything, constant, ElementType.Float32).Check(constantsToo: false);

    [Test]
    public void LastStateOnly([ValueSource(nameof(s_operators))] string name) =>
        Tester(name, "forward", everything: true, constant: true, ElementType.Float32, allStates: false).Check(constantsToo: false);

    [Test]
    public void ResetAfterTheProduct([ValueSource(nameof(s_directions))] string direction, [Values] bool everything) =>
        Tester("GRU", direction, everything, constant: true, ElementType.Float32).Attribute("linear_before_reset", 1).Check(constantsToo: false);

    [Test]
    public void Clip([ValueSource(nameof(s_operators))] string name) =>
        Tester(name, "forward", everything: false, constant: true, ElementType.Float32).Attribute("clip", 0.4f).Check(constantsToo: false);

    [Test]
    public void CoupledGates() =>
        Tester("LSTM", "forward", everything: false, constant: true, ElementType.Float32).Attribute("input_forget", 1).Check(constantsToo: false);

    [TestCase("Relu")]
    [TestCase("Sigmoid")]
    [TestCase("LeakyRelu")]
    [TestCase("HardSigmoid")]
    [TestCase("ScaledTanh")]
    [TestCase("Affine")]
    [TestCase("Elu")]
    [TestCase("Softsign")]
    [TestCase("Softplus")]
    [TestCase("ThresholdedRelu")]
    public void Activations(string activation)
    {
        OperatorTester tester = Tester("RNN", "forward", everything: false, constant: true, ElementType.Float32).Attribute("activations", new[] { activation });
        if (activation is "ScaledTanh" or "Affine" or "Elu" or "ThresholdedRelu")
        {
            tester.Attribute("activation_alpha", new[] { 0.6f }).Attribute("activation_beta", new[] { 0.3f });
        }

        tester.Check(constantsToo: false);
    }

    [Test]
    public void ParametersOfActivations() =>
        Tester("LSTM", "bidirectional", everything: false, constant: true, ElementType.Float32)
            .Attribute("activations", new[] { "HardSigmoid", "Tanh", "LeakyRelu", "Sigmoid", "LeakyRelu", "Tanh" }).Attribute("activation_alpha", new[] { 0.3f, 0.1f, 0.2f }).Attribute("activation_beta", new[] { 0.4f }).Check(constantsToo: false);

    [TestCase(ElementType.Float64, 1e-5)]
    [TestCase(ElementType.Float16, 5e-3)]
    public void OtherPrecisions(ElementType type, double tolerance)
    {
        foreach (string name in s_operators)
        {
            TensorBuffer actual = Tester(name, "bidirectional", everything: true, constant: false, type).Run();
            TensorBuffer expected = Tester(name, "bidirectional", everything: true, constant: false, ElementType.Float32).Run();
            TestTensors.AssertNumbersClose(actual, TestTensors.ToDoubles(expected), tolerance, name);
        }
    }

    [Test]
    public void BatchFirst([ValueSource(nameof(s_operators))] string name)
    {
        // ONNX Runtime has no kernel for it: compare with the other layout.
        TensorBuffer expected = Tester(name, "bidirectional", everything: false, constant: false, ElementType.Float32).Run();
        TensorBuffer input = TestTensors.Rounded(ElementType.Float32, 1, Steps, Batch, Inputs);
        double[] x = TestTensors.ToDoubles(input);
        double[] turned = new double[x.Length];
        for (int i = 0; i < x.Length; i++)
        {
            turned[(i / Inputs % Batch * Steps + i / Inputs / Batch) * Inputs + i % Inputs] = x[i];
        }

        TensorBuffer actual = Tester(name, "bidirectional", everything: false, constant: false, ElementType.Float32, input: TestTensors.FromDoubles(ElementType.Float32, turned, Batch, Steps, Inputs)).Attribute("layout", 1).Run();
        Assert.That(actual.Shape, Is.EqualTo(new Shape(Batch, Steps, 2, Hidden)));
        double[] y = TestTensors.ToDoubles(actual);
        double[] back = new double[y.Length];
        for (int i = 0; i < y.Length; i++)
        {
            (int item, int step, int direction) = (i / Hidden / 2 / Steps, i / Hidden / 2 % Steps, i / Hidden % 2);
            back[((step * 2 + direction) * Batch + item) * Hidden + i % Hidden] = y[i];
        }

        TestTensors.AssertNumbersClose(expected, back, 1e-6, name);
    }

    [Test]
    public void LargeStates([ValueSource(nameof(s_operators))] string name) =>
        Tester(name, "bidirectional", everything: false, constant: true, ElementType.Float32, hidden: 200).Check(constantsToo: false);

    [Test]
    public void WrongLengths() =>
        new OperatorTester("LSTM", 14).Input(TestTensors.Floats(1, Steps, 1, Inputs)).Input(TestTensors.Floats(2, 1, 4 * Hidden, Inputs)).Input(TestTensors.Floats(3, 1, 4 * Hidden, Hidden)).Input(null)
            .Input(TensorBuffer.Create<int>([Steps + 1], 1)).Attribute("hidden_size", Hidden).Fails<InvalidInputException>();

    [Test]
    public void WrongAttributes()
    {
        OperatorTester Tester() => new OperatorTester("LSTM", 14).Input(TestTensors.Floats(1, Steps, Batch, Inputs)).Input(TestTensors.Floats(2, 1, 4 * Hidden, Inputs)).Input(TestTensors.Floats(3, 1, 4 * Hidden, Hidden));
        Tester().Attribute("hidden_size", Hidden + 1).Fails<InvalidGraphException>();
        Tester().Attribute("direction", "backward").Fails<InvalidGraphException>();
        Tester().Attribute("direction", "reverse").Attribute("activations", new[] { "Tanh" }).Fails<InvalidGraphException>();
        Tester().Attribute("activations", new[] { "Sigmoid", "Tanh", "Cosine" }).Fails<InvalidGraphException>();
        Tester().Attribute("clip", -1f).Fails<InvalidGraphException>();
        Tester().Input(TestTensors.Floats(4, 1, 4 * Hidden)).Fails<InvalidGraphException>();
    }

    private static OperatorTester Tester(string name, string direction, bool everything, bool constant, ElementType type, bool allStates = true, int hidden = Hidden, TensorBuffer? input = null)
    {
        int gates = name == "RNN" ? 1 : name == "GRU" ? 3 : 4;
        int directions = direction == "bidirectional" ? 2 : 1;
        OperatorTester tester = new OperatorTester(name, 14) { Tolerance = 2e-5 }.Attribute("hidden_size", hidden).Attribute("direction", direction)
            .Input(input ?? TestTensors.Rounded(type, 1, Steps, Batch, Inputs)).Input(Weight(2, directions, gates * hidden, Inputs), constant).Input(Weight(3, directions, gates * hidden, hidden), constant);
        if (everything)
        {
            tester.Input(Weight(4, directions, 2 * gates * hidden), constant).Input(TensorBuffer.Create<int>([Steps, 1, 2], Batch)).Input(Weight(5, directions, Batch, hidden));
            _ = name == "LSTM" ? tester.Input(Weight(6, directions, Batch, hidden)).Input(Weight(7, directions, 3 * hidden), constant) : tester;
        }

        tester.Output(allStates ? type : ElementType.Undefined).Output(type);
        return name == "LSTM" ? tester.Output(type) : tester;

        TensorBuffer Weight(int seed, params long[] dimensions) => TestTensors.FromDoubles(type, [.. TestTensors.ToDoubles(TestTensors.Random(ElementType.Float16, seed, -0.5, 0.5, dimensions))], dimensions);
    }
}
