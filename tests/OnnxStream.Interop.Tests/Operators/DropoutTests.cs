namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class DropoutTests
{
    [Test]
    public void OldOperatorSets([Values(7, 10)] int operatorSet) => new OperatorTester("Dropout", operatorSet).Input(TestTensors.Floats(1, 3, 4)).Attribute("ratio", 0.7f).Check();

    [Test]
    public void MaskIsAllOnes([Values(7, 10, 12, 13)] int operatorSet)
    {
        ElementType mask = operatorSet >= 10 ? ElementType.Bool : ElementType.Float32;
        new OperatorTester("Dropout", operatorSet).Input(TestTensors.Floats(1, 3, 4)).Output(ElementType.Float32).Output(mask).CheckAgainst(inputs =>
        {
            TensorBuffer ones = new(mask, inputs[0].Shape);
            for (int i = 0; i < 12; i++)
            {
                TestTensors.Set(ones, i, 1);
            }

            return [inputs[0], ones];
        });
    }

    [Test]
    public void RatioAndMode() =>
        new OperatorTester("Dropout", 13).Input(TestTensors.Floats(1, 3, 4)).Input(TensorBuffer.Create<float>([0.5f])).Input(TensorBuffer.Create<bool>([false])).Check();

    [Test]
    public void VanishesInTheMiddle()
    {
        byte[] model = new ModelBuilder(13).Input("x", ElementType.Float32, 3, 4).Node("Exp", "x", "e").Node("Dropout", "e", "d m").Node("Sqrt", "d", "o").Output("o").Output("m", ElementType.Bool).ToBytes();
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(1, 3, 4) };
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model));
        RunResult result = session.Run(inputs);
        foreach ((string name, TensorBuffer expected) in Oracle.Run(model, inputs))
        {
            TestTensors.AssertClose(result[name], expected, 1e-6, name);
        }
    }

    [Test]
    public void TrainingDropsAboutTheRatio([Values] bool hasSeed)
    {
        OperatorTester tester = new OperatorTester("Dropout", 13).Input(TestTensors.FromDoubles(ElementType.Float32, [.. Enumerable.Repeat(3.0, 20_000)], 20_000)).Constant(TensorBuffer.Create<float>([0.25f])).Constant(TensorBuffer.Create<bool>([true]));
        _ = hasSeed ? tester.Attribute("seed", 7) : tester;
        float[] result = tester.Run().Span<float>().ToArray();
        Assert.That(result.Distinct(), Is.EquivalentTo(new[] { 0f, 4f }));
        Assert.That(result.Count(value => value == 0), Is.InRange(4_600, 5_400));
        Assert.That(result.SequenceEqual(tester.Run().Span<float>().ToArray()), Is.EqualTo(hasSeed));
    }

    [TestCase(1)]
    [TestCase(-0.5f)]
    public void RatioOutOfRange(float ratio) =>
        new OperatorTester("Dropout", 13).Input(TestTensors.Floats(1, 3, 4)).Constant(TensorBuffer.Create<float>([ratio])).Constant(TensorBuffer.Create<bool>([true])).Fails<InvalidGraphException>();
}
