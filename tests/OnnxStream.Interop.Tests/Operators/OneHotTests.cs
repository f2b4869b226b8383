namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class OneHotTests
{
    [Test]
    public void Axes([Values(0, 1, 2, -1)] int axis) =>
        new OperatorTester("OneHot", 11).Input(TestTensors.Random(ElementType.Int64, 1, -7, 7, 3, 4)).Constant(TensorBuffer.Create<long>([5])).Input(TensorBuffer.Create<float>([0.5f, 2], 2)).Attribute("axis", axis).Check();

    [TestCase(ElementType.Int64, ElementType.Int64, ElementType.Int64)]
    [TestCase(ElementType.Float32, ElementType.Int64, ElementType.Int64)]
    [TestCase(ElementType.Int32, ElementType.Float32, ElementType.Float32)]
    [TestCase(ElementType.Float32, ElementType.Float32, ElementType.Float32)]
    public void Types(ElementType indices, ElementType depth, ElementType values)
    {
        TensorBuffer places = new(indices, new Shape(9));
        for (int i = 0; i < 9; i++)
        {
            TestTensors.Set(places, i, i * 5 % 7);
        }

        new OperatorTester("OneHot", 11).Input(places).Input(TestTensors.Random(depth, 1, 6, 6, 1)).Input(TestTensors.Random(values, 3, 0, 9, 2)).Output(values).Check();
    }

    [Test]
    public void ScalarIndex() =>
        new OperatorTester("OneHot", 11).Input(TensorBuffer.Create<long>([3])).Constant(TestTensors.Integers(5)).Input(TensorBuffer.Create<float>([0, 1], 2))
            .CheckAgainst(_ => [TensorBuffer.Create<float>([0, 0, 0, 1, 0], 5)]);

    [Test]
    public void RealIndicesAreTruncated() =>
        new OperatorTester("OneHot", 11).Input(TensorBuffer.Create<float>([1.75f, -0.5f], 2)).Constant(TestTensors.Integers(3)).Input(TensorBuffer.Create<float>([0, 1], 2))
            .CheckAgainst(_ => [TensorBuffer.Create<float>([0, 1, 0, 1, 0, 0], 2, 3)]);

    [Test]
    public void RefusesWrongNodes()
    {
        OperatorTester Tester(TensorBuffer depth, TensorBuffer values) => new OperatorTester("OneHot", 11).Input(TestTensors.Integers(1, 2)).Constant(depth).Input(values);
        TensorBuffer two = TensorBuffer.Create<float>([0, 1], 2);
        Tester(TestTensors.Integers(0), two).Fails<InvalidGraphException>();
        Tester(TestTensors.Integers(-3), two).Fails<InvalidGraphException>();
        Tester(TestTensors.Integers(3, 3), two).Fails<InvalidGraphException>();
        Tester(TestTensors.Integers(long.MaxValue), two).Fails<InvalidGraphException>();
        Tester(TestTensors.Integers(3), TestTensors.Floats(1, 3)).Fails<InvalidGraphException>();
        Tester(TestTensors.Integers(3), two).Attribute("axis", 2).Fails<InvalidGraphException>();
    }
}
