namespace OnnxStream.Interop.Tests.Operators;

// ONNX Runtime has the operator on graphics processors only.
[NativeMemoryLeakCheck]
public class RestorePaddingTests
{
    [Test]
    public void PutsTokensBack() => Make(5).CheckAgainst(inputs =>
    {
        double[] tokens = TestTensors.ToDoubles(inputs[0]);
        double[] result = new double[12];
        int[] places = [0, 3, 4, 5, 1, 2];
        for (int i = 0; i < tokens.Length; i++)
        {
            result[places[i / 2] * 2 + i % 2] = tokens[i];
        }

        return [TestTensors.FromDoubles(ElementType.Float32, result, 2, 3, 2)];
    });

    [Test]
    public void MoreTokensThanPlaces() => Make(7).Fails<InvalidGraphException>();

    private static OperatorTester Make(int tokens) => new OperatorTester("RestorePadding", 17, "com.microsoft").Input(TestTensors.Floats(1, tokens, 2)).Input(TensorBuffer.Create<int>([0, 3, 4, 5, 1, 2], 2, 3));
}
