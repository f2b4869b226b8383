namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class GatherNDTests
{
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    public void TupleLengths(int length) =>
        new OperatorTester("GatherND", 13).Input(TestTensors.Floats(1, 4, 3, 5)).Input(TestTensors.Random(ElementType.Int64, 2, -3, 2, 7, 2, length)).Check();

    [TestCase(1, 1)]
    [TestCase(1, 2)]
    [TestCase(2, 1)]
    public void BatchDimensions(int batch, int length) =>
        new OperatorTester("GatherND", 12).Input(TestTensors.Floats(1, 2, 3, 4, 5)).Input(TestTensors.Random(ElementType.Int64, 2, -3, 2, batch == 1 ? [2, 6, length] : [2, 3, 6, length])).Attribute("batch_dims", batch).Check();

    [Test]
    public void Types([Values(ElementType.Float64, ElementType.Int64, ElementType.UInt8, ElementType.Bool)] ElementType type) =>
        new OperatorTester("GatherND", 11).Input(TestTensors.Random(type, 1, -0.4, 9, 5, 4)).Input(TestTensors.Random(ElementType.Int64, 2, 0, 3, 5, 2)).Output(type).Check();

    [Test]
    public void Empty() => new OperatorTester("GatherND", 13).Input(TestTensors.Floats(1, 5, 4)).Input(TestTensors.Random(ElementType.Int64, 2, 0, 3, 0, 1)).Check();

    [Test]
    public void RefusesWrongNodes()
    {
        TensorBuffer Indices(params long[] shape) => TestTensors.Random(ElementType.Int64, 1, 0, 0, shape);
        new OperatorTester("GatherND", 13).Input(TestTensors.Floats(1, 3, 2)).Input(Indices(2, 3)).Fails<InvalidGraphException>();
        new OperatorTester("GatherND", 13).Input(TestTensors.Floats(1, 3, 2)).Input(Indices(2, 0)).Fails<InvalidGraphException>();
        new OperatorTester("GatherND", 13).Input(TestTensors.Floats(1, 3, 2)).Input(Indices()).Fails<InvalidGraphException>();
        new OperatorTester("GatherND", 13).Input(TestTensors.Floats(1, 3, 2)).Input(Indices(2, 1)).Attribute("batch_dims", 1).Fails<InvalidGraphException>();
        new OperatorTester("GatherND", 13).Input(TestTensors.Floats(1, 3, 2)).Input(Indices(3, 1)).Attribute("batch_dims", -1).Fails<InvalidGraphException>();
        new OperatorTester("GatherND", 13).Input(TestTensors.Floats(1, 3, 2)).Input(TensorBuffer.Create<long>([0, 2], 1, 2)).Fails<InvalidInputException>();
    }
}
