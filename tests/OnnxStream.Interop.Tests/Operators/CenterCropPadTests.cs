namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class CenterCropPadTests
{
    [TestCase(5L, 7L, 3L)]
    [TestCase(2L, 3L, 9L)]
    [TestCase(4L, 3L, 4L)]
    [TestCase(0L, 3L, 4L)]
    public void AllAxes(long first, long second, long third) =>
        new OperatorTester("CenterCropPad", 18).Input(TestTensors.Floats(1, 4, 4, 5)).Input(TestTensors.Integers(first, second, third)).Check();

    [Test]
    public void SomeAxes() =>
        new OperatorTester("CenterCropPad", 18).Input(TestTensors.Floats(1, 4, 4, 5)).Input(TestTensors.Integers(2, 7)).Attribute("axes", new long[] { -1, 0 }).Check();

    [Test]
    public void OddDifferences() => Assert.That(
        new OperatorTester("CenterCropPad", 18).Input(TensorBuffer.Create<float>([1, 2, 3, 4], 4)).Input(TestTensors.Integers(7)).Run().Span<float>().ToArray(), Is.EqualTo(s_padded));

    [Test]
    public void WhatDoesNotFit()
    {
        new OperatorTester("CenterCropPad", 18).Input(TestTensors.Floats(1, 4, 4)).Input(TestTensors.Integers(2)).Fails<InvalidGraphException>();
        new OperatorTester("CenterCropPad", 18).Input(TestTensors.Floats(1, 4, 4)).Input(TestTensors.Integers(2, -1)).Fails<InvalidGraphException>();
    }

    private static readonly float[] s_padded = [0, 1, 2, 3, 4, 0, 0];
}
