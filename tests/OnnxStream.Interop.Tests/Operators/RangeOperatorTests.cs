namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class RangeOperatorTests
{
    [TestCase(ElementType.Int64, 0, 10, 1)]
    [TestCase(ElementType.Int64, 10, -3, -4)]
    [TestCase(ElementType.Int64, 3, 3, 1)]
    [TestCase(ElementType.Int64, 3, 0, 1)]
    [TestCase(ElementType.Int32, -5, 6, 3)]
    [TestCase(ElementType.Int16, -5, 7, 3)]
    [TestCase(ElementType.Float32, 0, 1, 0.1)]
    [TestCase(ElementType.Float32, 5, -1.5, -0.75)]
    [TestCase(ElementType.Float64, 0, 1, 0.125)]
    [TestCase(ElementType.Int64, 0, 70000, 3)]
    public void Numbers(ElementType type, double start, double limit, double delta)
    {
        TensorBuffer Number(double value)
        {
            TensorBuffer tensor = new(type, Shape.Scalar);
            TestTensors.Set(tensor, 0, value);
            return tensor;
        }

        new OperatorTester("Range", 11).Input(Number(start)).Input(Number(limit)).Input(Number(delta)).Output(type).Check();
    }

    [TestCase(ElementType.Float16, 1, 5, 2)]
    [TestCase(ElementType.Float16, 0, 3000, 1)]
    [TestCase(ElementType.Float16, 2, -2, -0.375)]
    [TestCase(ElementType.BFloat16, 0, 600, 1)]
    [TestCase(ElementType.BFloat16, 3, 3, 1)]
    [TestCase(ElementType.BFloat16, -1, 1, 0.125)]
    public void NarrowNumbers(ElementType type, double start, double limit, double delta) =>
        new OperatorTester("Range", 27) { Tolerance = 0 }.Input(TestTensors.FromDoubles(type, [start])).Input(TestTensors.FromDoubles(type, [limit])).Input(TestTensors.FromDoubles(type, [delta])).Output(type)
            .CheckAgainst(_ =>
            {
                List<double> numbers = [];
                for (double number = start; delta > 0 ? number < limit : number > limit; number += delta)
                {
                    numbers.Add(number);
                }

                return [TestTensors.FromDoubles(type, [.. numbers], numbers.Count)];
            });

    [Test]
    public void ExtremeIntegers()
    {
        new OperatorTester("Range", 11).Input(TensorBuffer.Create<long>([long.MinValue])).Input(TensorBuffer.Create<long>([long.MaxValue])).Input(TensorBuffer.Create<long>([1])).Output(ElementType.Int64).Fails<InvalidGraphException>();
    }

    [Test]
    public void RefusesWrongNodes()
    {
        OperatorTester Tester(TensorBuffer start, TensorBuffer limit, TensorBuffer delta) => new OperatorTester("Range", 11).Constant(start).Constant(limit).Constant(delta);
        TensorBuffer one = TensorBuffer.Create<float>([1]);
        Tester(one, one, TensorBuffer.Create<float>([0])).Fails<InvalidGraphException>();
        Tester(one, TensorBuffer.Create<float>([float.NaN]), one).Fails<InvalidGraphException>();
        Tester(one, TensorBuffer.Create<float>([float.PositiveInfinity]), one).Fails<InvalidGraphException>();
        Tester(one, TensorBuffer.Create<long>([1]), one).Fails<InvalidGraphException>();
        Tester(one, TensorBuffer.Create<float>([1, 2], 2), one).Fails<InvalidGraphException>();
        new OperatorTester("Range", 11).Constant(TensorBuffer.Create<long>([1])).Constant(TensorBuffer.Create<long>([2])).Constant(TensorBuffer.Create<long>([0])).Fails<InvalidGraphException>();
        new OperatorTester("Range", 11).Constant(TensorBuffer.Create<byte>([1])).Constant(TensorBuffer.Create<byte>([2])).Constant(TensorBuffer.Create<byte>([1])).Fails<UnsupportedOperatorException>();
    }
}
