namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class Col2ImTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values(1, 2)] int stride, [Values(0, 1)] int pad, [Values(1, 2)] int dilation)
    {
        long height = (6 + 2 * pad - dilation - 1) / stride + 1;
        long width = (7 + 2 * pad - 2 * dilation - 1) / stride + 1;
        new OperatorTester("Col2Im", 18).Input(TestTensors.Floats(1, 2, 3 * 6, height * width)).Input(TestTensors.Integers(6, 7)).Input(TestTensors.Integers(2, 3))
            .Attribute("strides", new long[] { stride, stride }).Attribute("pads", new long[] { pad, pad, pad, pad }).Attribute("dilations", new long[] { dilation, dilation }).Check();
    }

    [Test]
    public void ThreeDimensions() =>
        new OperatorTester("Col2Im", 18).Input(TestTensors.Floats(1, 1, 2 * 8, 3 * 2 * 4)).Input(TestTensors.Integers(4, 3, 5)).Input(TestTensors.Integers(2, 2, 2)).Check();

    [Test]
    public void OneDimension()
    {
        // ONNX Runtime wants two: what lies on an element is added.
        double[] expected = [1, 2 + 4, 3 + 5, 6];
        TensorBuffer columns = TensorBuffer.Create<int>([1, 2, 3, 4, 5, 6], 1, 2, 3);
        Assert.That(TestTensors.ToDoubles(new OperatorTester("Col2Im", 18).Input(columns).Input(TestTensors.Integers(4)).Input(TestTensors.Integers(2)).Output(ElementType.Int32).Run()), Is.EqualTo(expected));
    }

    [Test]
    public void WhatDoesNotFit()
    {
        new OperatorTester("Col2Im", 18).Input(TestTensors.Floats(1, 1, 5, 9)).Input(TestTensors.Integers(4, 4)).Input(TestTensors.Integers(2, 2)).Fails<InvalidGraphException>();
        new OperatorTester("Col2Im", 18).Input(TestTensors.Floats(1, 1, 4, 8)).Input(TestTensors.Integers(4, 4)).Input(TestTensors.Integers(2, 2)).Fails<InvalidGraphException>();
        new OperatorTester("Col2Im", 18).Input(TestTensors.Floats(1, 1, 4, 9)).Input(TestTensors.Integers(4, 4)).Input(TestTensors.Integers(2)).Fails<InvalidGraphException>();
        new OperatorTester("Col2Im", 18).Input(TestTensors.Floats(1, 1, 4, 9)).Input(TestTensors.Integers(4, 4)).Input(TestTensors.Integers(5, 5)).Fails<InvalidGraphException>();
    }
}
