namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class PReluTests
{
    [TestCase(new long[] { 2, 3, 4, 5 }, new long[] { 3, 1, 1 })]
    [TestCase(new long[] { 2, 3, 4, 5 }, new long[] { 1 })]
    [TestCase(new long[] { 2, 3, 4, 5 }, new long[] { 2, 3, 4, 5 })]
    [TestCase(new long[] { 2, 3 }, new long[] { })]
    [TestCase(new long[] { 0, 3 }, new long[] { 3 })]
    public void Slopes(long[] shape, long[] slope) =>
        new OperatorTester("PRelu", 16).Input(TestTensors.Floats(1, shape)).Input(TestTensors.Floats(2, slope)).Check();

    [Test]
    public void Types([Values(ElementType.Float64, ElementType.Int64, ElementType.Int32)] ElementType type) =>
        new OperatorTester("PRelu", 9).Input(TestTensors.Random(type, 1, -9, 9, 4, 5)).Input(TestTensors.Random(type, 2, -9, 9, 5)).Output(type).CheckAgainst(inputs =>
        {
            double[] x = TestTensors.ToDoubles(inputs[0]);
            double[] slope = TestTensors.ToDoubles(inputs[1]);
            TensorBuffer output = new(type, inputs[0].Shape);
            for (int i = 0; i < x.Length; i++)
            {
                TestTensors.Set(output, i, x[i] < 0 ? x[i] * slope[i % 5] : x[i]);
            }

            return [output];
        });

    [Test]
    public void OldOperatorSet() =>
        new OperatorTester("PRelu", 6).Input(TestTensors.Floats(1, 2, 3, 4)).Input(TestTensors.Floats(2, 3)).CheckAgainst(inputs =>
        {
            float[] x = inputs[0].Span<float>().ToArray();
            return [TensorBuffer.Create<float>([.. x.Select((value, i) => value < 0 ? value * inputs[1].Span<float>()[i / 4 % 3] : value)], 2, 3, 4)];
        });

    [Test]
    public void RefusesWrongNodes()
    {
        new OperatorTester("PRelu", 16).Input(TestTensors.Floats(1, 3)).Input(TestTensors.Floats(1, 2, 3)).Fails<InvalidGraphException>();
        new OperatorTester("PRelu", 16).Input(TestTensors.Floats(1, 3)).Input(TestTensors.Integers(1)).Fails<InvalidGraphException>();
    }
}
