namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class SplitTests
{
    [Test]
    public void Sizes([Values(2, 11)] int operatorSet, [Values(0, 1, 2)] int axis)
    {
        long[] shape = [4, 4, 4];
        shape[axis] = 9;
        new OperatorTester("Split", operatorSet).Input(TestTensors.Floats(1, shape)).Attribute("axis", axis).Attribute("split", new[] { 2, 3, 4 })
            .Output(ElementType.Float32).Output(ElementType.Float32).Output(ElementType.Float32).Check();
    }

    [Test]
    public void SizesAsInput([Values(13, 18)] int operatorSet, [Values(0, -2, 2)] int axis)
    {
        long[] shape = [4, 4, 4];
        shape[axis < 0 ? axis + 3 : axis] = 9;
        new OperatorTester("Split", operatorSet).Input(TestTensors.Floats(1, shape)).Constant(TestTensors.Integers(2, 0, 7)).Attribute("axis", axis)
            .Output(ElementType.Float32).Output(ElementType.Float32).Output(ElementType.Float32).Check();
    }

    [Test]
    public void SizesKnownAtRunTime() =>
        new OperatorTester("Split", 13).Input(TestTensors.Floats(1, 3, 9)).Input(TestTensors.Integers(2, 7)).Attribute("axis", 1)
            .Output(ElementType.Float32).Output(ElementType.Float32).Check();

    [Test]
    public void EqualParts([Values(2, 11, 13)] int operatorSet) =>
        new OperatorTester("Split", operatorSet).Input(TestTensors.Random(ElementType.Int32, 1, -9, 9, 2, 6)).Attribute("axis", 1)
            .Output(ElementType.Int32).Output(ElementType.Int32).Output(ElementType.Int32).Check();

    [TestCase(7, 3)]
    [TestCase(6, 3)]
    [TestCase(7, 2)]
    public void NumberOfOutputs(int size, int count)
    {
        OperatorTester tester = new OperatorTester("Split", 18).Input(TestTensors.Floats(1, 2, size)).Attribute("axis", 1).Attribute("num_outputs", count);
        for (int i = 0; i < count; i++)
        {
            tester.Output(ElementType.Float32);
        }

        tester.Check();
    }

    [Test]
    public void PartsAreViewsThatLive()
    {
        // Both halves are changed in place or used late: they share one buffer.
        byte[] parts = new ModelBuilder(17).Input("x", ElementType.Float32, 4, 5)
            .Node("Sqrt", "x", "r").Node("Split", "r", "a b", ("axis", 0)).Node("Exp", "a", "ea").Node("Exp", "ea", "eea").Node("Add", "eea b", "s").Node("Mul", "s a", "o")
            .Output("o").Output("b").ToBytes();
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Random(ElementType.Float32, 1, 0, 1, 4, 5) };
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", parts));
        Dictionary<string, TensorBuffer> expected = Oracle.Run(parts, inputs);
        RunResult actual = session.Run(inputs);
        TestTensors.AssertClose(actual["o"], expected["o"], 1e-5, "o");
        TestTensors.AssertClose(actual["b"], expected["b"], 1e-5, "b");
    }

    [Test]
    public void PartsOfWeightsStayInTheirFile()
    {
        // Only two of the three parts are used: the third is never read.
        byte[] model = new ModelBuilder(17).Input("x", ElementType.Float32, 3, 40).Initializer("w", TestTensors.Random(ElementType.Float16, 1, -1, 1, 120, 70)).Initializer("starts", TestTensors.Integers(0)).Initializer("ends", TestTensors.Integers(20))
            .Node("Cast", "w", "wide", ("to", 1)).Node("Split", "wide", "a b c", ("axis", 0)).Node("MatMul", "x a", "xa").Node("MatMul", "x c", "xc").Node("Add", "xa xc", "s")
            .Node("Slice", "b starts ends", "half").Initializer("first", TensorBuffer.Create<long>([0])).Node("Gather", "half first", "row", ("axis", 0)).Node("Add", "s row", "o").Output("o").ToBytes();
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(2, 3, 40) };
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model));
        RunResult result = session.Run(inputs);
        TestTensors.AssertClose(result["o"], Oracle.Run(model, inputs)["o"], 1e-4, "o");
        Assert.That(result.Statistics.WeightsBytesStreamed, Is.EqualTo(2 * 40 * 70 * sizeof(short)));
    }

    [Test]
    public void RefusesWrongNodes()
    {
        OperatorTester Tester(int operatorSet) => new OperatorTester("Split", operatorSet).Input(TestTensors.Floats(1, 7)).Output(ElementType.Float32).Output(ElementType.Float32);
        Tester(11).Fails<InvalidGraphException>();
        Tester(11).Attribute("split", new[] { 3, 3 }).Fails<InvalidGraphException>();
        Tester(11).Attribute("split", new[] { 3, 3, 1 }).Fails<InvalidGraphException>();
        Tester(11).Attribute("split", new[] { -1, 8 }).Fails<InvalidGraphException>();
        Tester(11).Attribute("axis", 1).Fails<InvalidGraphException>();
        Tester(18).Attribute("num_outputs", 3).Fails<InvalidGraphException>();
    }
}
