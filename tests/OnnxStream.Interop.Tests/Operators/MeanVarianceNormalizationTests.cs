namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class MeanVarianceNormalizationTests
{
    [Test]
    public void DefaultAxes() => new OperatorTester("MeanVarianceNormalization", 13).Input(TestTensors.Floats(1, 2, 3, 7, 5)).Check();

    [TestCase(new long[] { 2, 3 })]
    [TestCase(new long[] { 0, 1, 2, 3 })]
    [TestCase(new long[] { 0 })]
    [TestCase(new long[] { -1, 1 })]
    public void Axes(long[] axes) => new OperatorTester("MeanVarianceNormalization", 9).Input(TestTensors.Floats(1, 2, 3, 7, 5)).Attribute("axes", axes).Check();

    [Test]
    public void WrongAxes() => new OperatorTester("MeanVarianceNormalization", 13).Input(TestTensors.Floats(1, 2, 3, 7)).Fails<InvalidGraphException>();
}
