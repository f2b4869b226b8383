namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class CompressTests
{
    [Test]
    public void Axes([Values(0, 1, 2, -2)] int axis, [Values] bool constant) =>
        new OperatorTester("Compress", 11).Input(TestTensors.Floats(1, 4, 5, 6)).Input(TensorBuffer.Create<bool>([true, false, false, true], 4), constant).Attribute("axis", axis).Check();

    [Test]
    public void Flat([Values(3, 30)] int conditions, [Values] bool constant) =>
        new OperatorTester("Compress", 9).Input(TestTensors.Random(ElementType.Int64, 1, -9, 9, 5, 6)).Input(TestTensors.Random(ElementType.Bool, 2, -1, 1, conditions), constant).Output(ElementType.Int64).Check();

    [Test]
    public void NothingIsLeft([Values] bool constant) =>
        new OperatorTester("Compress", 11).Input(TestTensors.Floats(1, 4, 5)).Input(new TensorBuffer(ElementType.Bool, new Shape(4)), constant).Attribute("axis", 0).Check();

    [Test]
    public void RefusesWrongNodes()
    {
        new OperatorTester("Compress", 11).Input(TestTensors.Floats(1, 4)).Input(TestTensors.Integers(1)).Fails<InvalidGraphException>();
        new OperatorTester("Compress", 11).Input(TestTensors.Floats(1, 4)).Input(new TensorBuffer(ElementType.Bool, new Shape(2, 2))).Fails<InvalidGraphException>();
        new OperatorTester("Compress", 11).Input(TestTensors.Floats(1, 4)).Input(new TensorBuffer(ElementType.Bool, new Shape(2))).Attribute("axis", 1).Fails<InvalidGraphException>();
    }
}
