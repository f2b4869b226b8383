using OnnxStream.Interop.Tests.Rewrites;

namespace OnnxStream.Interop.Tests.Kernels;

[NativeMemoryLeakCheck]
public class XnnPatchConvolution2dTests
{
    // Kernels that reach over one border or both, strides, images smaller than the kernel, more results than a tile has, few outputs.
    [TestCase(1, 3, 64, 37, 41, 3, 3, 2, new[] { 1, 1, 1, 1 })]
    [TestCase(2, 3, 16, 30, 17, 7, 7, 2, new[] { 3, 3, 3, 3 })]
    [TestCase(1, 4, 40, 20, 20, 3, 3, 1, new[] { 1, 1, 1, 1 })]
    [TestCase(3, 2, 5, 4, 3, 5, 6, 1, new[] { 4, 5, 4, 5 })]
    [TestCase(1, 8, 33, 9, 50, 1, 4, 3, new[] { 0, 2, 0, 1 })]
    [TestCase(1, 5, 7, 6, 6, 6, 6, 1, new[] { 0, 0, 0, 0 })]
    public void AgreesWithOnnxRuntime(int batch, int channels, int outputs, int height, int width, int kernelHeight, int kernelWidth, int stride, int[] pads)
    {
        foreach (bool hasBias in new[] { false, true })
        {
            PassTester tester = new PassTester { Tolerance = 1e-4 }.Input("x", TestTensors.Floats(1, batch, channels, height, width)).Constant("w", TestTensors.Floats(2, outputs, channels, kernelHeight, kernelWidth)).Constant("b", TestTensors.Floats(3, outputs))
                .Node("Conv", hasBias ? "x w b" : "x w", "a", ("pads", pads), ("strides", new[] { stride, stride })).Node("Relu", "a", "y").Output("y");
            tester.Check(threads: 3);
            Assert.That(tester.KernelNames(), Does.Contain("patch convolution"));
        }
    }

    // An image that is computed, and so in half precision, and results that are stored like that.
    [Test]
    public void StoredInHalf([Values(1, 2)] int threads) =>
        Assert.That(
            new PassTester().Input("x", TestTensors.Floats(1, 1, 20, 25, 27)).Constant("w0", TestTensors.Random(ElementType.Float32, 2, -0.2, 0.2, 4, 20, 1, 1)).Constant("w", TestTensors.Random(ElementType.Float32, 3, -0.2, 0.2, 48, 4, 3, 3))
                .Constant("w1", TestTensors.Random(ElementType.Float32, 4, -0.2, 0.2, 5, 48, 1, 1)).Node("Conv", "x w0", "a").Node("Conv", "a w", "c", ("pads", new[] { 1, 1, 1, 1 })).Node("Conv", "c w1", "y").Output("y")
                .CheckInHalf(threads).Steps.Select(step => step.KernelName),
            Does.Contain("patch convolution"));
}
