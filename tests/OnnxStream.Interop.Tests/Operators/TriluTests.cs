namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class TriluTests
{
    [Test]
    public void Diagonals([Values(0, 1)] int upper, [Values(-9, -3, -1, 0, 2, 9)] long diagonal, [Values] bool constant) =>
        new OperatorTester("Trilu", 14).Input(TestTensors.Floats(1, 2, 4, 6)).Input(TensorBuffer.Create<long>([diagonal]), constant).Attribute("upper", upper).Check();

    [Test]
    public void Types([Values(ElementType.Float64, ElementType.Int64, ElementType.Bool)] ElementType type, [Values(0, 1)] int upper) =>
        new OperatorTester("Trilu", 14).Input(TestTensors.Random(type, 1, 0.6, 9, 7, 5)).Attribute("upper", upper).Output(type).Check();

    [Test]
    public void ExtremeDiagonals([Values(0, 1)] int upper, [Values(long.MinValue, long.MaxValue)] long diagonal) =>
        new OperatorTester("Trilu", 14).Input(TestTensors.Floats(1, 4, 4)).Input(TensorBuffer.Create<long>([diagonal])).Attribute("upper", upper)
            .CheckAgainst(inputs => [(diagonal < 0) == (upper == 1) ? inputs[0] : new TensorBuffer(ElementType.Float32, inputs[0].Shape)]);

    [Test]
    public void Empty() => new OperatorTester("Trilu", 14).Input(TestTensors.Floats(1, 0, 4)).Check();

    [Test]
    public void RefusesWrongNodes()
    {
        new OperatorTester("Trilu", 14).Input(TestTensors.Floats(1, 3)).Fails<InvalidGraphException>();
        new OperatorTester("Trilu", 14).Input(TestTensors.Floats(1, 3, 3)).Input(TestTensors.Integers(1, 2)).Fails<InvalidGraphException>();
    }
}
