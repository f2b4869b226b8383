namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class PadTests
{
    private static readonly string[] s_modes = ["constant", "reflect", "edge", "wrap"];

    private static readonly long[][] s_pads =
    [
        [0, 0, 0, 0, 0, 0],
        [0, 1, 2, 0, 2, 1],
        [1, 0, 0, 1, 0, 0],
        [1, 2, 3, 2, 1, 3],
        [0, -1, 2, 0, 1, -2],
        [-1, -1, -1, 0, 0, 0],
    ];

    [Test]
    public void Modes([ValueSource(nameof(s_modes))] string mode, [ValueSource(nameof(s_pads))] long[] pads) =>
        new OperatorTester("Pad", 19).Input(TestTensors.Floats(1, 3, 4, 5)).Constant(TestTensors.Integers(pads)).Attribute("mode", mode).Check();

    [Test]
    public void Attributes([Values("constant", "reflect", "edge")] string mode) =>
        new OperatorTester("Pad", 10).Input(TestTensors.Floats(1, 1, 2, 4, 5)).Attribute("pads", new[] { 0, 0, 1, 2, 0, 0, 3, 1 }).Attribute("mode", mode).Attribute("value", 1.5f).Check();

    [Test]
    public void Types([Values(ElementType.Float32, ElementType.Float64, ElementType.Int64, ElementType.Int32, ElementType.Int8, ElementType.UInt8, ElementType.Bool)] ElementType type, [Values] bool constant) =>
        new OperatorTester("Pad", 13).Input(TestTensors.Random(type, 1, 0, 9, 3, 5)).Constant(TestTensors.Integers(1, 2, 3, 0)).Input(TestTensors.Random(type, 2, 1, 9), constant).Output(type).Check();

    [Test]
    public void Axes() =>
        new OperatorTester("Pad", 18).Input(TestTensors.Floats(1, 3, 4, 5)).Constant(TestTensors.Integers(1, 2, 3, 0)).Input(TensorBuffer.Create<float>([2])).Constant(TestTensors.Integers(-1, 0)).Check();

    [Test]
    public void EmptyTensors()
    {
        new OperatorTester("Pad", 13).Input(TestTensors.Floats(1, 0, 3)).Constant(TestTensors.Integers(1, 1, 1, 1)).Input(TensorBuffer.Create<float>([2])).Check();
        new OperatorTester("Pad", 13).Input(TestTensors.Floats(1)).Constant(TestTensors.Integers()).CheckAgainst(inputs => [inputs[0]]);
        new OperatorTester("Pad", 13).Input(TestTensors.Floats(1, 3, 2)).Constant(TestTensors.Integers(-1, 0, -2, 0)).Check();
    }

    [Test]
    public void Large() =>
        new OperatorTester("Pad", 13).Input(TestTensors.Floats(1, 7, 60, 61)).Constant(TestTensors.Integers(0, 1, 1, 0, 1, 1)).Check(constantsToo: false);

    [Test]
    public void PadsKnownAtRunTime() =>
        new OperatorTester("Pad", 13).Input(TestTensors.Floats(1, 3, 5)).Input(TestTensors.Integers(0, 1, 0, 2)).Check();

    [Test]
    public void RandomGeometry([Range(1, 25)] int seed, [ValueSource(nameof(s_modes))] string mode)
    {
        Random random = new(seed);
        int rank = random.Next(1, 5);
        long[] shape = [.. Enumerable.Range(0, rank).Select(_ => random.NextInt64(3, 6))];
        long[] pads = [.. Enumerable.Range(0, 2 * rank).Select(_ => random.Next(2) == 0 ? 0 : random.NextInt64(-1, 2))];
        new OperatorTester("Pad", 19).Input(TestTensors.Floats(seed, shape)).Constant(TestTensors.Integers(pads)).Input(TensorBuffer.Create<float>([7])).Attribute("mode", mode).Check(constantsToo: false);
    }

    [Test]
    public void RefusesWrongNodes()
    {
        OperatorTester Tester(params long[] pads) => new OperatorTester("Pad", 19).Input(TestTensors.Floats(1, 3, 4)).Constant(TestTensors.Integers(pads));
        Tester(1, 2).Fails<InvalidGraphException>();
        Tester(0, -3, 0, -2).Fails<InvalidGraphException>();
        Tester(-4, 0, 2, 0).Fails<InvalidGraphException>();
        Tester(0, long.MaxValue, 0, 0).Fails<InvalidGraphException>();
        Tester(0, long.MinValue, 0, 0).Fails<InvalidGraphException>();
        Tester(0, 1L << 62, 0, 0).Fails<InvalidGraphException>();
        Tester(0, 0, 0, 0).Attribute("mode", "mirror").Fails<InvalidGraphException>();
        Tester(-3, 0, 1, 0).Attribute("mode", "edge").Fails<InvalidGraphException>();
        Tester(0, 0, 0, 0).Constant(TestTensors.Integers(1)).Fails<InvalidGraphException>();
        Tester(0, 0, 0, 0).Input(null).Constant(TestTensors.Integers(0, 2)).Fails<InvalidGraphException>();
    }
}
