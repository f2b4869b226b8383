namespace OnnxStream.Interop.Tests.Operators;

// ONNX Runtime has the operator on graphics processors only.
[NativeMemoryLeakCheck]
public class RelativePositionBiasTests
{
    [Test]
    public void Distances([Values] bool isBidirectional, [Values(1, 9, 150)] int length, [Values(16, 32)] int buckets, [Values(60, 128)] int farthest) =>
        Make(length, length, buckets, isBidirectional, farthest).CheckAgainst(inputs =>
        {
            double[] table = TestTensors.ToDoubles(inputs[0]);
            return [TestTensors.FromDoubles(ElementType.Float32, [.. from head in Enumerable.Range(0, 3) from row in Enumerable.Range(0, length) from column in Enumerable.Range(0, length) select table[head * buckets + Bucket(column - row, buckets, isBidirectional, farthest)]], 1, 3, length, length)];
        });

    [Test]
    public void WrongLengths()
    {
        Make(4, 5, 16, isBidirectional: false, 20).Fails<InvalidGraphException>();
        Make(0, 0, 16, isBidirectional: false, 20).Fails<InvalidGraphException>();
        Make(4, 4, 2, isBidirectional: false, 20).Fails<InvalidGraphException>();
    }

    private static OperatorTester Make(int queries, int keys, int buckets, bool isBidirectional, int farthest) =>
        new OperatorTester("RelativePositionBias", 17, "com.microsoft").Input(TestTensors.Floats(1, buckets, 3)).Input(TestTensors.Integers(queries)).Input(TestTensors.Integers(keys)).Attribute("is_bidirectional", isBidirectional ? 1 : 0).Attribute("max_distance", farthest);

    // As Hugging Face's T5 has it: T5Attention._relative_position_bucket.
    private static int Bucket(int distance, int buckets, bool isBidirectional, int farthest)
    {
        int first = 0;
        if (isBidirectional)
        {
            buckets /= 2;
            first = distance > 0 ? buckets : 0;
        }

        distance = Math.Abs(distance);
        int exact = buckets / 2;
        return first + (distance < exact ? distance : Math.Min(buckets - 1, exact + (int)(float)(Math.Log((double)distance / exact) / Math.Log((double)farthest / exact) * (buckets - exact))));
    }
}
