namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class CastLikeTests
{
    [Test]
    public void Types([Values(ElementType.Float32, ElementType.Int64, ElementType.Bool)] ElementType from, [Values(ElementType.Float32, ElementType.Float16, ElementType.Int32)] ElementType to) =>
        new OperatorTester("CastLike", 15).Input(TestTensors.Random(from, 1, -9, 9, 3, 4)).Input(TestTensors.Random(to, 1, 0, 1, 1)).Output(to).Check();
}
