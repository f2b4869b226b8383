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
    public void TrainingIsNotSupported() => Tester(15, ElementType.Float32, [2, 3, 4], 3).Attribute("training_mode", 1).Fails<UnsupportedOperatorException>();

    [Test]
    public void WrongShapes() => Tester(15, ElementType.Float32, [2, 3, 4], 4).Fails<InvalidGraphException>();

    private static OperatorTester Tester(int operatorSet, ElementType type, long[] shape, long channels) => new OperatorTester("BatchNormalization", operatorSet)
        .Input(TestTensors.Random(type, 1, -2, 2, shape)).Input(TestTensors.Random(type, 2, -2, 2, channels)).Input(TestTensors.Random(type, 3, -2, 2, channels))
        .Input(TestTensors.Random(type, 4, -2, 2, channels)).Input(TestTensors.Random(type, 5, 0.1, 2, channels));
}
