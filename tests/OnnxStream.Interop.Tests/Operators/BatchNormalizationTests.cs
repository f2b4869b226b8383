namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class BatchNormalizationTests
{
    private static readonly long[][] s_shapes = [[2, 3], [2, 3, 5], [2, 3, 17, 41], [1, 5, 2, 3, 4], [0, 3, 2]];

    [Test]
    public void AgreesWithOnnxRuntime([ValueSource(nameof(s_shapes))] long[] shape, [Values(7, 9, 14, 15)] int operatorSet) =>
        Tester(operatorSet, ElementType.Float32, shape, shape[1]).Attribute("epsilon", 0.01f).Check();

    [Test]
    public void DoublePrecision() => Tester(15, ElementType.Float64, [2, 3, 4, 5], 3).Output(ElementType.Float64).Check();

    [Test]
    public void HalfPrecision()
    {
        TensorBuffer input = TestTensors.Random(ElementType.Float16, 1, -2, 2, 2, 3, 40);
        TensorBuffer[] parameters = [.. Enumerable.Range(2, 4).Select(seed => TestTensors.Random(ElementType.Float16, seed, 0.5, 2, 3))];
        OperatorTester Tester(ElementType type)
        {
            OperatorTester tester = new OperatorTester("BatchNormalization", 15).Output(type);
            foreach (TensorBuffer tensor in parameters.Prepend(input))
            {
                tester.Input(TestTensors.FromDoubles(type, TestTensors.ToDoubles(tensor), tensor.Shape.ToArray()));
            }

            return tester;
        }

        TestTensors.AssertNumbersClose(Tester(ElementType.Float16).Run(), TestTensors.ToDoubles(Tester(ElementType.Float32).Run()), 2e-3, "BatchNormalization");
    }

    [Test]
    public void StatisticsOfEachElement()
    {
        TensorBuffer actual = Tester(7, ElementType.Float32, [4, 2, 3], 6).Attribute("spatial", 0).Run();
        TensorBuffer expected = Tester(9, ElementType.Float32, [4, 6], 6).Run();
        TestTensors.AssertNumbersClose(actual, TestTensors.ToDoubles(expected), 1e-6, "BatchNormalization");
    }

    [Test]
    public void Training() =>
        // ONNX Runtime computes it only where it was built for training.
        Tester(15, ElementType.Float32, [2, 3, 4], 3).Attribute("training_mode", 1).Attribute("momentum", 0.75f).Output(ElementType.Float32).Output(ElementType.Float32).Output(ElementType.Float32).CheckAgainst(inputs =>
        {
            double[][] numbers = [.. inputs.Select(TestTensors.ToDoubles)];
            (double[] y, double[] means, double[] variances) = (new double[24], new double[3], new double[3]);
            for (int c = 0; c < 3; c++)
            {
                int[] places = [.. Enumerable.Range(0, 24).Where(i => i / 4 % 3 == c)];
                double mean = places.Average(i => numbers[0][i]);
                double variance = places.Average(i => (numbers[0][i] - mean) * (numbers[0][i] - mean));
                foreach (int i in places)
                {
                    y[i] = (numbers[0][i] - mean) / Math.Sqrt(variance + 1e-5) * numbers[1][c] + numbers[2][c];
                }

                means[c] = numbers[3][c] * 0.75 + mean * 0.25;
                variances[c] = numbers[4][c] * 0.75 + variance * 0.25;
            }

            return [TestTensors.FromDoubles(ElementType.Float32, y, 2, 3, 4), TestTensors.FromDoubles(ElementType.Float32, means, 3), TestTensors.FromDoubles(ElementType.Float32, variances, 3)];
        });

    [Test]
    public void TrainingOfOldOperatorSets() => Tester(6, ElementType.Float32, [2, 3, 4], 3).Output(ElementType.Float32).Output(ElementType.Float32).Fails<UnsupportedOperatorException>();

    [Test]
    public void WrongShapes() => Tester(15, ElementType.Float32, [2, 3, 4], 4).Fails<InvalidGraphException>();

    private static OperatorTester Tester(int operatorSet, ElementType type, long[] shape, long channels) => new OperatorTester("BatchNormalization", operatorSet)
        .Input(TestTensors.Random(type, 1, -2, 2, shape)).Input(TestTensors.Random(type, 2, -2, 2, channels)).Input(TestTensors.Random(type, 3, -2, 2, channels))
        .Input(TestTensors.Random(type, 4, -2, 2, channels)).Input(TestTensors.Random(type, 5, 0.1, 2, channels));
}
