namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class SliceTests
{
    private static readonly ElementType[] s_types = [ElementType.Float32, ElementType.Float64, ElementType.Float16, ElementType.Int64, ElementType.UInt8, ElementType.Bool];

    [TestCase(new[] { 1 }, new[] { 3 }, new[] { 0 })]
    [TestCase(new[] { 1, 0 }, new[] { -1, 2 }, new[] { 1, 2 })]
    [TestCase(new[] { -3, 0, 1 }, new[] { 100, 2, 1 }, null)]
    public void Attributes(int[] starts, int[] ends, int[]? axes)
    {
        OperatorTester tester = new OperatorTester("Slice", 9).Input(TestTensors.Floats(1, 4, 5, 6)).Attribute("starts", starts).Attribute("ends", ends);
        if (axes is not null)
        {
            tester.Attribute("axes", axes);
        }

        tester.Check();
    }

    [TestCase(0, 5, 1)]
    [TestCase(1, 4, 2)]
    [TestCase(-1, 0, -1)]
    [TestCase(4, -100, -1)]
    [TestCase(100, -100, -3)]
    [TestCase(0, 100, 7)]
    [TestCase(3, 1, 1)]
    [TestCase(1, 3, -1)]
    [TestCase(-100, 2, 1)]
    [TestCase(0, long.MaxValue, 1)]
    [TestCase(-1, long.MinValue, -1)]
    [TestCase(long.MinValue, long.MaxValue, long.MaxValue)]
    [TestCase(long.MaxValue, long.MinValue, -long.MaxValue)]
    [TestCase(5, 5, 1)]
    [TestCase(2, 2, -1)]
    // Found by random slices: a start in front of everything is the first element, also backwards.
    [TestCase(-100, -100, -1)]
    [TestCase(-100, long.MinValue, -2)]
    public void StartEndStep(long start, long end, long step)
    {
        for (int axis = -1; axis < 2; axis++)
        {
            new OperatorTester("Slice", 13).Input(TestTensors.Floats(1, 5, 5, 2)).Constant(TestTensors.Integers(start)).Constant(TestTensors.Integers(end)).Constant(TestTensors.Integers(axis)).Constant(TestTensors.Integers(step)).Check();
        }
    }

    [Test]
    public void Types([ValueSource(nameof(s_types))] ElementType type, [Values(1, -2)] int step) =>
        new OperatorTester("Slice", 10).Input(TestTensors.Random(type, 1, 0, 9, 4, 7)).Constant(TestTensors.Integers(step < 0 ? 6 : 1)).Constant(TestTensors.Integers(step < 0 ? 0 : 5)).Constant(TestTensors.Integers(1)).Constant(TestTensors.Integers(step)).Output(type).Check();

    [Test]
    public void EmptyDimension([Values(1, -1)] int step) =>
        new OperatorTester("Slice", 13).Input(TestTensors.Floats(1, 0, 3)).Constant(TestTensors.Integers(0)).Constant(TestTensors.Integers(5)).Constant(TestTensors.Integers(0)).Constant(TestTensors.Integers(step)).Check();

    [Test]
    public void LeftOutAxesAndInt32() =>
        new OperatorTester("Slice", 13).Input(TestTensors.Floats(1, 4, 5)).Constant(TensorBuffer.Create<int>([1, 0], 2)).Constant(TensorBuffer.Create<int>([3, 5], 2)).Input(null).Constant(TensorBuffer.Create<int>([1, 2], 2)).Check();

    [Test]
    public void KnownAtRunTime() =>
        new OperatorTester("Slice", 13).Input(TestTensors.Floats(1, 4, 5)).Input(TestTensors.Integers(1)).Input(TestTensors.Integers(3)).Input(TestTensors.Integers(1)).Check();

    [Test]
    public void OfWeights([Values(0, 1)] int axis) =>
        new OperatorTester("Slice", 13).Constant(TestTensors.Floats(1, 200, 301)).Constant(TestTensors.Integers(7)).Constant(TestTensors.Integers(199)).Constant(TestTensors.Integers(axis)).Check();

    [Test]
    public void RandomGeometry([Range(1, 25)] int seed)
    {
        Random random = new(seed);
        int rank = random.Next(1, 5);
        long[] shape = [.. Enumerable.Range(0, rank).Select(_ => random.NextInt64(1, 7))];
        long[] axes = [.. Enumerable.Range(0, rank).Select(axis => (long)axis).OrderBy(_ => random.Next()).Take(random.Next(1, rank + 1))];
        long[] Numbers(long low, long high) => [.. axes.Select(_ => random.NextInt64(low, high))];
        new OperatorTester("Slice", 13).Input(TestTensors.Floats(seed, shape)).Constant(TestTensors.Integers(Numbers(-8, 8))).Constant(TestTensors.Integers(Numbers(-8, 8)))
            .Constant(TestTensors.Integers(axes)).Constant(TestTensors.Integers([.. Numbers(-3, 3).Select(step => step == 0 ? 1 : step)])).Check();
    }

    [Test]
    public void RefusesWrongNodes()
    {
        OperatorTester Tester(long[] starts, long[] ends, long[]? axes = null, long[]? steps = null) => new OperatorTester("Slice", 13)
            .Input(TestTensors.Floats(1, 4, 5)).Constant(TestTensors.Integers(starts)).Constant(TestTensors.Integers(ends))
            .Input(axes is null ? null : TestTensors.Integers(axes), isConstant: true).Input(steps is null ? null : TestTensors.Integers(steps), isConstant: true);
        Tester([0], [1, 2]).Fails<InvalidGraphException>();
        Tester([0, 0, 0], [1, 1, 1]).Fails<InvalidGraphException>();
        Tester([0], [1], [2]).Fails<InvalidGraphException>();
        Tester([0, 0], [1, 1], [1, -1]).Fails<InvalidGraphException>();
        Tester([0], [1], [0], [0]).Fails<InvalidGraphException>();
        Tester([0], [1], [0], [1, 1]).Fails<InvalidGraphException>();
        new OperatorTester("Slice", 9).Input(TestTensors.Floats(1, 4)).Attribute("starts", new[] { 1 }).Fails<InvalidGraphException>();
    }
}
