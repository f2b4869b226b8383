namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class TopKTests
{
    [Test]
    public void Axes([Values(0, 1, 2, -1)] int axis, [Values(0, 1)] int largest, [Values(0, 1, 3, 4)] int k) =>
        new OperatorTester("TopK", 11).Input(TestTensors.Floats(1, 4, 5, 6)).Constant(TestTensors.Integers(k)).Attribute("axis", axis).Attribute("largest", largest)
            .Output(ElementType.Float32).Output(ElementType.Int64).Check();

    [Test]
    public void EqualElements([Values(0, 1)] int largest, [Values(1, 5, 40, 60)] int k) =>
        new OperatorTester("TopK", 11).Input(TestTensors.Random(ElementType.Int64, 1, 0, 4, 3, 60)).Constant(TestTensors.Integers(k)).Attribute("largest", largest)
            .Output(ElementType.Int64).Output(ElementType.Int64).Check();

    [Test]
    public void Types([Values(ElementType.Float32, ElementType.Float64, ElementType.Int64, ElementType.Int32)] ElementType type) =>
        new OperatorTester("TopK", 11).Input(TestTensors.Random(type, 1, -90, 90, 50)).Input(TestTensors.Integers(7)).Output(type).Output(ElementType.Int64).Check();

    // Few, many and nearly all; lines short enough to be looked through often and longer ones; equal elements, zeros of both signs.
    [Test]
    public void Counts([Values(1, 16, 17, 100, 600)] int k, [Values(0, 1)] int largest, [Values(ElementType.Float32, ElementType.Int32, ElementType.Int64)] ElementType type, [Values(700, 40000)] int size)
    {
        TensorBuffer input = TestTensors.Random(type, 1, -3000, 3000, 3, size);
        for (int i = 0; i < size; i += 3)
        {
            TestTensors.Set(input, i, i % 2 == 0 ? 7 : -0.0);
        }

        new OperatorTester("TopK", 11).Input(input).Constant(TestTensors.Integers(k)).Attribute("largest", largest).Output(type).Output(ElementType.Int64).Check(constantsToo: false);
    }

    [Test]
    public void OldOperatorSets()
    {
        new OperatorTester("TopK", 6).Input(TestTensors.Floats(1, 4, 9)).Attribute("k", 3).Output(ElementType.Float32).Output(ElementType.Int64).Check();
        new OperatorTester("TopK", 10).Input(TestTensors.Floats(1, 4, 9)).Input(TestTensors.Integers(3)).Attribute("axis", 0).Output(ElementType.Float32).Output(ElementType.Int64).Check();
    }

    [Test]
    public void Large() =>
        new OperatorTester("TopK", 11).Input(TestTensors.Floats(1, 2, 30000)).Constant(TestTensors.Integers(50)).Output(ElementType.Float32).Output(ElementType.Int64).Check(constantsToo: false);

    [Test]
    public void OnlyIndices() =>
        new OperatorTester("TopK", 11).Input(TestTensors.Floats(1, 2, 30)).Constant(TestTensors.Integers(5)).Output(ElementType.Undefined).Output(ElementType.Int64).CheckAgainst(inputs =>
        {
            float[] x = inputs[0].Span<float>().ToArray();
            long[] indices = [.. Enumerable.Range(0, 2).SelectMany(row => Enumerable.Range(0, 30).OrderByDescending(i => x[row * 30 + i]).Take(5).Select(i => (long)i))];
            return [new TensorBuffer(ElementType.Float32, new Shape(2, 5)), TensorBuffer.Create<long>(indices, 2, 5)];
        });

    [Test]
    public void RefusesWrongNodes()
    {
        OperatorTester Tester(int operatorSet) => new OperatorTester("TopK", operatorSet).Input(TestTensors.Floats(1, 4)).Output(ElementType.Float32).Output(ElementType.Int64);
        Tester(11).Constant(TestTensors.Integers(5)).Fails<InvalidGraphException>();
        Tester(11).Constant(TestTensors.Integers(-1)).Fails<InvalidGraphException>();
        Tester(11).Constant(TestTensors.Integers(1, 2)).Fails<InvalidGraphException>();
        Tester(11).Constant(TestTensors.Integers(1)).Attribute("axis", 1).Fails<InvalidGraphException>();
        Tester(6).Fails<InvalidGraphException>();
    }

    // Lines that are looked at in groups, and shorter ones; few different elements, elements in order, all alike.
    [Test]
    public void Groups([Values(1, 2, 5, 8, 16)] int k, [Values(0, 1)] int largest, [Values(ElementType.Float32, ElementType.Float64, ElementType.Int32, ElementType.Int64, ElementType.UInt8)] ElementType type, [Values(63, 128, 130, 517, 1024)] int size)
    {
        TensorBuffer input = TestTensors.Random(type, 1, 0, 100, 5, size);
        for (int i = 0; i < size; i++)
        {
            TestTensors.Set(input, size + i, i * 100 / size);
            TestTensors.Set(input, 2 * size + i, 100 - i * 100 / size);
            TestTensors.Set(input, 3 * size + i, 7);
            TestTensors.Set(input, 4 * size + i, i % 3);
        }

        new OperatorTester("TopK", 11).Input(input).Constant(TestTensors.Integers(k)).Attribute("largest", largest).Output(type).Output(ElementType.Int64).CheckAgainst(inputs =>
        {
            double[] numbers = TestTensors.ToDoubles(inputs[0]);
            (double Value, long Index)[] best = [.. Enumerable.Range(0, 5).SelectMany(row =>
                Enumerable.Range(0, size).Select(i => (numbers[row * size + i], (long)i)).OrderBy(element => largest != 0 ? -element.Item1 : element.Item1).ThenBy(element => element.Item2).Take(k))];
            return [TestTensors.FromDoubles(type, [.. best.Select(element => element.Value)], 5, k), TensorBuffer.Create<long>([.. best.Select(element => element.Index)], 5, k)];
        });
    }
}
