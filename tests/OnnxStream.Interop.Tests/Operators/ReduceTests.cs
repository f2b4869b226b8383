namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class ReduceTests
{
    private static readonly string[] s_functions = ["Mean", "Sum", "Max", "Min", "Prod", "L1", "L2", "LogSum", "LogSumExp", "SumSquare"];

    private static readonly (long[] Shape, long[] Axes)[] s_cases =
    [
        ([5], [0]),
        ([3, 4, 5], [-1]),
        ([3, 4, 5], [1]),
        ([3, 4, 5], [0]),
        ([3, 4, 5], [0, 2]),
        ([2, 3, 4, 5], [1, -1]),
        ([2, 3, 4, 5], [0, 2]),
        ([2, 1, 4, 1], [1]),
        ([7, 600], [1]),
        ([7, 600], [0]),
        ([2, 3, 4], []),
    ];

    [Test]
    public void AxesAttribute([ValueSource(nameof(s_functions))] string name, [ValueSource(nameof(s_cases))] (long[] Shape, long[] Axes) test, [Values(0, 1)] int keep)
    {
        OperatorTester tester = new OperatorTester("Reduce" + name, name == "Sum" ? 11 : 13).Input(Positive(ElementType.Float32, test.Shape)).Attribute("keepdims", keep);
        if (test.Axes.Length > 0)
        {
            tester.Attribute("axes", test.Axes);
        }

        tester.Check();
    }

    [Test]
    public void AxesInput([ValueSource(nameof(s_functions))] string name, [ValueSource(nameof(s_cases))] (long[] Shape, long[] Axes) test, [Values(0, 1)] int keep) =>
        new OperatorTester("Reduce" + name, 18).Input(Positive(ElementType.Float32, test.Shape)).Constant(TestTensors.Integers(test.Axes)).Attribute("keepdims", keep).Check();

    // Around the widths of vectors, the chunks, and the longest sums that are XNNPACK's.
    [Test]
    public void Lengths([Values("Mean", "Sum", "Max", "Min")] string name, [Values(1, 3, 7, 8, 31, 32, 33, 511, 512, 513, 1025, 8192, 8193, 20001)] long length, [Values] bool isInner) =>
        new OperatorTester("Reduce" + name, 18).Input(Positive(ElementType.Float32, isInner ? [3, length] : [length, 19])).Constant(TestTensors.Integers(isInner ? 1 : 0)).Check(constantsToo: false);

    [Test]
    public void ManyDimensions([Values("Mean", "Sum", "Max", "Min")] string name, [Values(0, 1)] long parity)
    {
        long[] axes = [.. Enumerable.Range(0, 8).Select(i => (long)i).Where(i => i % 2 == parity)];
        new OperatorTester("Reduce" + name, 18).Input(Positive(ElementType.Float32, [2, 3, 2, 3, 1, 2, 3, 2])).Constant(TestTensors.Integers(axes)).Check(constantsToo: false);
    }

    // Each addition of equal numbers is rounded in the same direction: the worst case for sums in single precision.
    [TestCase(new long[] { 2, 8192 }, 1)]
    [TestCase(new long[] { 2, 100000 }, 1)]
    [TestCase(new long[] { 512, 8 }, 0)]
    [TestCase(new long[] { 40000, 8 }, 0)]
    public void SumsKeepTheirDigits(long[] shape, long axis)
    {
        TensorBuffer input = TestTensors.Random(ElementType.Float32, 1, 0.1, 0.1, shape);
        foreach (float sum in new OperatorTester("ReduceSum", 18).Input(input).Constant(TestTensors.Integers(axis)).Run().Span<float>())
        {
            Assert.That(sum, Is.EqualTo(shape[axis] * 0.1).Within(1e-3).Percent);
        }
    }

    [Test]
    public void NotANumber([Values("Mean", "Sum", "Max", "Min")] string name, [Values(0, 5, 40)] int position)
    {
        TensorBuffer input = TestTensors.Floats(1, 41);
        input.Span<float>()[position] = float.NaN;
        Assert.That(new OperatorTester("Reduce" + name, 18).Input(input).Run().Span<float>()[0], Is.NaN);
    }

    [Test]
    public void AxesAtRunTime([Values(1, -2)] long axis) =>
        new OperatorTester("ReduceSum", 13).Input(TestTensors.Floats(1, 3, 4, 5)).Input(TestTensors.Integers(axis)).Check();

    [Test]
    public void NoAxes([ValueSource(nameof(s_functions))] string name, [Values(0, 1)] int noop) =>
        new OperatorTester("Reduce" + name, 18).Input(Positive(ElementType.Float32, [3, 4])).Attribute("noop_with_empty_axes", noop).Check();

    [Test]
    public void OtherTypes([ValueSource(nameof(s_functions))] string name, [Values(ElementType.Float64, ElementType.Int32)] ElementType type) =>
        new OperatorTester("Reduce" + name, 18).Input(Positive(type, [2, 3, 4])).Constant(TestTensors.Integers(1)).Output(type).Check();

    [TestCase("ReduceSum", ElementType.Int64)]
    [TestCase("ReduceMean", ElementType.Int64)]
    [TestCase("ReduceProd", ElementType.Int64)]
    [TestCase("ReduceMax", ElementType.Int64)]
    [TestCase("ReduceMin", ElementType.Int64)]
    [TestCase("ReduceMax", ElementType.UInt8)]
    [TestCase("ReduceMin", ElementType.Int8)]
    public void Integers(string name, ElementType type) =>
        new OperatorTester(name, 18).Input(TestTensors.Random(type, 3, type == ElementType.UInt8 ? 0 : -2, name == "ReduceProd" ? 3 : 90, 4, 3, 5)).Constant(TestTensors.Integers(0, 2)).Output(type).Check();

    [Test]
    public void HalfPrecision([ValueSource(nameof(s_functions))] string name)
    {
        // ONNX Runtime reduces half precision only for some: compare with single precision.
        TensorBuffer half = Positive(ElementType.Float16, [3, 4, 5]);
        TensorBuffer single = new(ElementType.Float32, half.Shape);
        double[] values = TestTensors.ToDoubles(half);
        for (int i = 0; i < values.Length; i++)
        {
            TestTensors.Set(single, i, values[i]);
        }

        TensorBuffer actual = new OperatorTester("Reduce" + name, 18).Input(half).Constant(TestTensors.Integers(1)).Output(ElementType.Float16).Run();
        TensorBuffer expected = new OperatorTester("Reduce" + name, 18).Input(single).Constant(TestTensors.Integers(1)).Run();
        TestTensors.AssertNumbersClose(actual, TestTensors.ToDoubles(expected), 1e-3, name);
    }

    [Test]
    public void IntegersAreExact()
    {
        TensorBuffer input = TensorBuffer.Create<long>([(1L << 60) + 1, 2, -(1L << 60), long.MaxValue - 5], 4);
        TensorBuffer sum = new OperatorTester("ReduceSum", 13).Input(input).Constant(TestTensors.Integers(0)).Output(ElementType.Int64).Run();
        Assert.That(sum.Span<long>()[0], Is.EqualTo(long.MaxValue - 2));
        TensorBuffer maximum = new OperatorTester("ReduceMax", 18).Input(input).Constant(TestTensors.Integers(0)).Output(ElementType.Int64).Run();
        Assert.That(maximum.Span<long>()[0], Is.EqualTo(long.MaxValue - 5));
    }

    [Test]
    public void LargeMeanIsAccurate() =>
        new OperatorTester("ReduceMean", 13) { Tolerance = 1e-5 }.Input(TestTensors.Random(ElementType.Float32, 5, 999, 1001, 2, 300, 70)).Attribute("axes", new[] { 1, 2 }).Check(constantsToo: false);

    // One result of so many numbers that threads share them.
    [Test]
    public void ManyNumbers([ValueSource(nameof(s_functions))] string name, [Values(ElementType.Float32, ElementType.Float64, ElementType.Float16)] ElementType type)
    {
        TensorBuffer input = TestTensors.Random(type, 1, name == "Prod" ? 0.9999 : 0.1, name == "Prod" ? 1.0001 : 0.2, 3, 50, 1500);
        double[] numbers = TestTensors.ToDoubles(input);
        double[] expected = [.. Enumerable.Range(0, 3).Select(i => Expected(name, numbers.AsSpan(i * 75000, 75000).ToArray()))];
        TensorBuffer actual = new OperatorTester($"Reduce{name}", 11).Input(input).Attribute("axes", new[] { 1, 2 }).Attribute("keepdims", 0).Output(type).Run();
        TestTensors.AssertNumbersClose(actual, expected, type == ElementType.Float16 ? 1e-3 : 1e-5, name);
    }

    // Parts of nothing but -infinity, far below others, or with an infinity or a NaN.
    [TestCase(double.NegativeInfinity, -2000, -2000 + 11.608235644774552)]
    [TestCase(-2000, double.NegativeInfinity, -2000 + 10.596634733096073)]
    [TestCase(0, 2000, 2000 + 11.608235644774552)]
    [TestCase(double.NegativeInfinity, double.NegativeInfinity, double.NegativeInfinity)]
    [TestCase(double.PositiveInfinity, 2000, double.PositiveInfinity)]
    [TestCase(double.NaN, 2000, double.NaN)]
    public void LogSumExpOfParts(double first, double second, double expected)
    {
        double[] numbers = [.. Enumerable.Repeat(first, 40000), .. Enumerable.Repeat(second, 110000)];
        TensorBuffer actual = new OperatorTester("ReduceLogSumExp", 13).Input(TestTensors.FromDoubles(ElementType.Float32, numbers, 150000)).Attribute("keepdims", 0).Run();
        TestTensors.AssertNumbersClose(actual, [expected], 1e-6, "ReduceLogSumExp");
    }

    private static double Expected(string name, double[] numbers) => name switch
    {
        "Mean" => numbers.Average(),
        "Sum" => numbers.Sum(),
        "Max" => numbers.Aggregate(Math.Max),
        "Min" => numbers.Aggregate(Math.Min),
        "Prod" => numbers.Aggregate(1.0, (product, number) => product * number),
        "L1" => numbers.Sum(Math.Abs),
        "L2" => Math.Sqrt(numbers.Sum(number => number * number)),
        "LogSum" => Math.Log(numbers.Sum()),
        "LogSumExp" => Math.Log(numbers.Sum(Math.Exp)),
        _ => numbers.Sum(number => number * number),
    };

    [Test]
    public void LogSumExpOfLargeValues() =>
        new OperatorTester("ReduceLogSumExp", 13).Input(TestTensors.Random(ElementType.Float32, 5, 500, 900, 3, 7, 6)).Attribute("axes", new[] { 1 }).Check();

    [TestCase("ReduceSum", 0)]
    [TestCase("ReduceProd", 1)]
    [TestCase("ReduceMax", double.NegativeInfinity)]
    [TestCase("ReduceMin", double.PositiveInfinity)]
    [TestCase("ReduceL2", 0)]
    [TestCase("ReduceLogSumExp", double.NegativeInfinity)]
    public void EmptyDimension(string name, double expected)
    {
        TensorBuffer actual = new OperatorTester(name, 18).Input(TestTensors.Floats(1, 2, 0, 3)).Constant(TestTensors.Integers(1)).Attribute("keepdims", 0).Run();
        Assert.That(actual.Shape, Is.EqualTo(new Shape(2, 3)));
        Assert.That(TestTensors.ToDoubles(actual), Is.All.EqualTo(expected));
        actual = new OperatorTester(name, 18).Input(TestTensors.Floats(1, 2, 0, 3)).Constant(TestTensors.Integers(0)).Run();
        Assert.That(actual.Shape, Is.EqualTo(new Shape(1, 0, 3)));
    }

    [Test]
    public void Scalars() => new OperatorTester("ReduceMean", 13).Input(TestTensors.Floats(1)).Check();

    [Test]
    public void Booleans() =>
        new OperatorTester("ReduceMax", 20).Input(TestTensors.Random(ElementType.Bool, 1, -1, 1, 3, 5)).Constant(TestTensors.Integers(1)).Output(ElementType.Bool).Check();

    [TestCase(new long[] { 3 })]
    [TestCase(new long[] { -4 })]
    [TestCase(new long[] { 1, -2 })]
    public void BadAxes(long[] axes) =>
        Assert.Throws<InvalidGraphException>(() => new OperatorTester("ReduceMean", 18).Input(TestTensors.Floats(1, 2, 3, 4)).Constant(TestTensors.Integers(axes)).Run());

    private static TensorBuffer Positive(ElementType type, long[] shape) => TestTensors.Random(type, 7, 0.5, 4, shape);

    // Found by a mutated model: XNNPACK did not come to an end where a plan was made for a tensor that no machine holds.
    [Test]
    public void HugeTensors()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", new ModelBuilder(11).Input("x", ElementType.Float32, 1, 2, 3, 1L << 32).Node("ReduceMean", "x", "y", ("axes", new[] { 2 }), ("keepdims", 0)).Output("y").ToBytes());
        Assert.That(() => new InferenceSession(path, new SessionOptions { MemoryBudget = 64 << 20 }).Dispose(), Throws.TypeOf<InvalidGraphException>().With.Message.Contains("ReduceMean"));
    }

    // Half precision in runs of every length and beside each other; NaN of both signs, infinities, zeros.
    [Test]
    public void HalfPrecisionOfAnyLength([Values("Max", "Min", "Sum", "Mean")] string name, [Values(0, 1)] int axis, [Values(0x0000, 0x7e00, 0xfe01, 0x7c00, 0xfc00, 0x8001, 0x7bff)] int special)
    {
        foreach (int length in (int[])[1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100])
        {
            long[] shape = axis == 0 ? [length, 37] : [37, length];
            TensorBuffer input = TestTensors.Random(ElementType.Float16, length, -3, 3, shape);
            Span<Half> halves = input.Span<Half>();
            halves[length * 5 % halves.Length] = BitConverter.UInt16BitsToHalf((ushort)special);
            halves[^1] = BitConverter.UInt16BitsToHalf((ushort)special);
            double[] numbers = TestTensors.ToDoubles(input);
            double[] expected = [.. Enumerable.Range(0, 37).Select(i => Expected(name, [.. Enumerable.Range(0, length).Select(k => axis == 0 ? numbers[k * 37 + i] : numbers[i * length + k])]))];
            TensorBuffer output = new OperatorTester("Reduce" + name, 18).Input(input).Constant(TestTensors.Integers(axis)).Attribute("keepdims", 0).Output(ElementType.Float16).Run();
            TestTensors.AssertNumbersClose(output, [.. expected.Select(number => (double)(Half)number)], name is "Max" or "Min" ? 0 : 1e-3, $"{name} of {length}");
        }
    }

    // Rows that are added to each other first: any number of them, and sums that are finite although parts of them are not.
    [Test]
    public void RowsOfSums([Values("Sum", "Mean")] string name, [Values(1, 7, 8, 9, 17, 40)] int rows, [Values(512, 515, 1100)] int columns, [Values] bool isHuge)
    {
        TensorBuffer input = TestTensors.Floats(1, rows, columns);
        for (int i = 0; isHuge && i < rows * columns; i++)
        {
            input.Span<float>()[i] = i / columns % 4 < 2 ? 3e38f : -3e38f;
        }

        double[] numbers = TestTensors.ToDoubles(input);
        double[] expected = [.. Enumerable.Range(0, columns).Select(i => (double)(float)Expected(name, [.. Enumerable.Range(0, rows).Select(row => numbers[row * columns + i])]))];
        TestTensors.AssertNumbersClose(new OperatorTester("Reduce" + name, 18).Input(input).Constant(TestTensors.Integers(0)).Attribute("keepdims", 0).Run(), expected, 1e-5, name);
    }
}
