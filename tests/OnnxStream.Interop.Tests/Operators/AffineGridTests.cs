namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class AffineGridTests
{
    [Test]
    public void TwoDimensions([Values(0, 1)] int align) =>
        new OperatorTester("AffineGrid", 20).Input(TestTensors.Floats(1, 2, 2, 3)).Input(TestTensors.Integers(2, 3, 4, 5)).Attribute("align_corners", align).Check();

    [Test]
    public void ThreeDimensions([Values(0, 1)] int align) =>
        new OperatorTester("AffineGrid", 20).Input(TestTensors.Floats(1, 2, 3, 4)).Input(TestTensors.Integers(2, 3, 4, 5, 6)).Attribute("align_corners", align).Check();

    // Widths with a divisor that makes blocks, such that are one, and a prime that is too large for one.
    [TestCase(1)]
    [TestCase(36)]
    [TestCase(97)]
    [TestCase(362)]
    [TestCase(521)]
    public void Widths(long width)
    {
        new OperatorTester("AffineGrid", 20).Input(TestTensors.Floats(1, 2, 2, 3)).Constant(TestTensors.Integers(2, 3, 4, width)).Check(constantsToo: false);
        new OperatorTester("AffineGrid", 20).Input(TestTensors.Floats(1, 2, 3, 4)).Constant(TestTensors.Integers(2, 3, 2, 3, width)).Check(constantsToo: false);
    }

    [Test]
    public void WhatDoesNotFit()
    {
        new OperatorTester("AffineGrid", 20).Input(TestTensors.Floats(1, 2, 2, 3)).Input(TestTensors.Integers(1, 3, 4, 5)).Fails<InvalidGraphException>();
        new OperatorTester("AffineGrid", 20).Input(TestTensors.Floats(1, 2, 3, 4)).Input(TestTensors.Integers(2, 3, 4, 5)).Fails<InvalidGraphException>();
    }
}
