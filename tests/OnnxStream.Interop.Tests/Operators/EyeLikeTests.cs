namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class EyeLikeTests
{
    [Test]
    public void Diagonals([Values(-9, -2, 0, 1, 9)] int diagonal) =>
        new OperatorTester("EyeLike", 9).Input(TestTensors.Floats(1, 4, 6)).Attribute("k", diagonal).Check();

    [Test]
    public void Types([Values(ElementType.Float32, ElementType.Float64, ElementType.Int64, ElementType.Int32, ElementType.UInt64)] ElementType type) =>
        new OperatorTester("EyeLike", 9).Input(TestTensors.Random(ElementType.Int32, 1, 0, 9, 5, 3)).Attribute("dtype", (int)type).Output(type).Check();

    [Test]
    public void RefusesWrongNodes()
    {
        new OperatorTester("EyeLike", 9).Input(TestTensors.Floats(1, 3)).Fails<InvalidGraphException>();
        new OperatorTester("EyeLike", 9).Input(TestTensors.Floats(1, 3, 3)).Attribute("dtype", 8).Fails<UnsupportedOperatorException>();
    }
}
