namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class MaxUnpoolTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values] bool hasShape)
    {
        TensorBuffer indices = TensorBuffer.Create<long>([5, 7, 13, 15, 20, 22, 24, 30], 1, 2, 2, 2);
        OperatorTester tester = new OperatorTester("MaxUnpool", 11).Input(TestTensors.Floats(1, 1, 2, 2, 2)).Input(indices).Attribute("kernel_shape", new[] { 2, 2 }).Attribute("strides", new[] { 2, 2 });
        _ = hasShape ? tester.Constant(TestTensors.Integers(1, 2, 5, 5)) : tester;
        tester.Check();
    }

    [Test]
    public void OneDimension() =>
        new OperatorTester("MaxUnpool", 11).Input(TestTensors.Floats(1, 1, 1, 3)).Input(TensorBuffer.Create<long>([0, 3, 4], 1, 1, 3)).Attribute("kernel_shape", new[] { 2 }).Attribute("strides", new[] { 2 }).Check();

    [TestCase(-1)]
    [TestCase(6)]
    public void IndexOutOfRange(long index) =>
        new OperatorTester("MaxUnpool", 11).Input(TestTensors.Floats(1, 1, 1, 3)).Input(TensorBuffer.Create<long>([0, index, 4], 1, 1, 3)).Attribute("kernel_shape", new[] { 2 }).Attribute("strides", new[] { 2 }).Fails<InvalidInputException>();

    [Test]
    public void WrongShapes()
    {
        OperatorTester Tester() => new OperatorTester("MaxUnpool", 11).Input(TestTensors.Floats(1, 1, 1, 3)).Input(TensorBuffer.Create<long>([0, 1, 4], 1, 1, 3));
        Tester().Fails<InvalidGraphException>();
        Tester().Attribute("kernel_shape", new[] { 2, 2 }).Fails<InvalidGraphException>();
        Tester().Constant(TestTensors.Integers(1, 1, 2)).Attribute("kernel_shape", new[] { 2 }).Attribute("strides", new[] { 2 }).Fails<InvalidGraphException>();
        new OperatorTester("MaxUnpool", 11).Input(TestTensors.Floats(1, 1, 1, 3)).Input(TensorBuffer.Create<long>([0, 1], 1, 1, 2)).Attribute("kernel_shape", new[] { 2 }).Fails<InvalidGraphException>();
    }

    [Test]
    public void SharedByThreads([Values(ElementType.Float32, ElementType.Float64, ElementType.Float16)] ElementType type)
    {
        const int Count = 32 * 32 * 40;
        TensorBuffer input = TestTensors.Random(type, 1, -2, 2, 1, 40, 32, 32);
        Random random = new(3);
        long[] indices = [.. Enumerable.Range(0, Count).Select(i => 4L * i + random.Next(4)).OrderBy(_ => random.Next())];
        new OperatorTester("MaxUnpool", 11).Input(input).Input(TensorBuffer.Create<long>(indices, 1, 40, 32, 32)).Attribute("kernel_shape", new[] { 2, 2 }).Attribute("strides", new[] { 2, 2 }).Output(type).CheckAgainst(inputs =>
        {
            double[] numbers = TestTensors.ToDoubles(inputs[0]);
            double[] expected = new double[4 * Count];
            for (int i = 0; i < Count; i++)
            {
                expected[indices[i]] = numbers[i];
            }

            return [TestTensors.FromDoubles(type, expected, 1, 40, 64, 64)];
        });
    }
}
