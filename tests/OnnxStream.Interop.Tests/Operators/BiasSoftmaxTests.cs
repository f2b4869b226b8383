namespace OnnxStream.Interop.Tests.Operators;

// ONNX Runtime has the operator on graphics processors only.
[NativeMemoryLeakCheck]
public class BiasSoftmaxTests
{
    [TestCase(3, 1, 1, 1, 6)]
    [TestCase(-1, 2, 1, 4, 6)]
    [TestCase(2, 2, 3, 4, 6)]
    [TestCase(null, 1, 3, 4, 6)]
    public void Axes(int? axis, params int[] bias)
    {
        OperatorTester tester = new OperatorTester("BiasSoftmax", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 3, 4, 6)).Input(TestTensors.Floats(2, [.. bias.Select(size => (long)size)])).Attribute("is_inner_broadcast", 0);
        _ = axis is { } given ? tester.Attribute("axis", given) : tester;
        tester.CheckAgainst(inputs =>
        {
            double[] added = TestTensors.ToDoubles(inputs[1]);
            int[] sizes = [2, 3, 4, 6];
            double[] sums = [.. TestTensors.ToDoubles(inputs[0]).Select((x, i) => x + added[Place(i)])];
            int width = sizes[(((axis ?? 1) + 4) % 4)..].Aggregate(1, (a, b) => a * b);
            return [TestTensors.FromDoubles(ElementType.Float32, [.. sums.Chunk(width).SelectMany(row => row.Select(x => Math.Exp(x) / row.Sum(Math.Exp)))], 2, 3, 4, 6)];

            int Place(int index)
            {
                int place = 0;
                int step = 1;
                for (int dimension = 3; dimension >= 0; dimension--)
                {
                    place += bias[dimension] == 1 ? 0 : index % sizes[dimension] * step;
                    step *= bias[dimension];
                    index /= sizes[dimension];
                }

                return place;
            }
        });
    }

    [Test]
    public void TooLargeABias() => new OperatorTester("BiasSoftmax", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 1, 6)).Input(TestTensors.Floats(2, 2, 3, 6)).Attribute("is_inner_broadcast", 0).Fails<InvalidGraphException>();
}
