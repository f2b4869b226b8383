namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class DeterminantTests
{
    [TestCase(new long[] { 1, 1 })]
    [TestCase(new long[] { 4, 4 })]
    [TestCase(new long[] { 2, 3, 5, 5 })]
    public void AgreesWithOnnxRuntime(long[] shape) => new OperatorTester("Det", 11).Input(TestTensors.Floats(1, shape)).Check();

    [Test]
    public void Singular() => new OperatorTester("Det", 11).Input(TestTensors.FromDoubles(ElementType.Float32, [1, 2, 2, 4], 2, 2)).Check();

    [Test]
    public void ZeroPivots() => new OperatorTester("Det", 11).Input(TestTensors.FromDoubles(ElementType.Float32, [0, 1, 0, 0, 0, 1, 1, 0, 0], 3, 3)).Check();

    [Test]
    public void Empty() => Assert.That(TestTensors.ToDoubles(new OperatorTester("Det", 11).Input(TestTensors.Floats(1, 2, 0, 0)).Run()), Is.EqualTo(new double[] { 1, 1 }));

    [Test]
    public void NotSquare() => new OperatorTester("Det", 11).Input(TestTensors.Floats(1, 2, 3)).Fails<InvalidGraphException>();
}
