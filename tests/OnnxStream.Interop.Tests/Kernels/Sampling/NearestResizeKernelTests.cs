using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Tests.Kernels;

[NativeMemoryLeakCheck]
public class NearestResizeKernelTests
{
    // Twice as wide has a loop of its own; others beside it.
    [Test]
    public void Widths([Values(ElementType.Float32, ElementType.Float64, ElementType.UInt8, ElementType.Float16)] ElementType type, [Values(1, 3, 4, 7, 8, 9, 100)] long width, [Values(1f, 2f, 3f)] float scale)
    {
        TensorBuffer input = TestTensors.Random(type, 1, 0, 90, 2, 3, width);
        TensorBuffer output = new OperatorTester("Resize", 13).Input(input).Input(null).Constant(TensorBuffer.Create<float>([1, 2, scale], 3)).Attribute("coordinate_transformation_mode", "asymmetric")
            .Attribute("nearest_mode", "floor").Output(type).Run();
        double[] values = TestTensors.ToDoubles(input);
        long wide = (long)(width * scale);
        TestTensors.AssertNumbersClose(output, [.. Enumerable.Range(0, (int)(2 * 6 * wide)).Select(i => values[(i / wide / 6 * 3 + i / wide % 6 / 2) * width + (long)(i % wide / scale)])], 0, "Resize");
    }

    [Test]
    public void Blocks([Values(1, 3)] int repeat, [Values(1, 5, 40)] long channels, [Values] bool isCropped)
    {
        OperatorTester tester = new OperatorTester("Resize", 13).Input(TestTensors.Floats(1, 2, 3, 5, channels)).Constant(TensorBuffer.Create<float>([0, 0, -0.5f, 0, 1, 1, 1.5f, 1], 8))
            .Constant(TensorBuffer.Create<float>([1, repeat, 2, 1], 4)).Attribute("nearest_mode", "floor").Attribute("extrapolation_value", 3.5f);
        tester.Attribute("coordinate_transformation_mode", isCropped ? "tf_crop_and_resize" : "asymmetric").Check();
    }

    [Test]
    public void BlocksAboveTwoGigabytes()
    {
        using NearestResizeKernel kernel = new(4, new Shape(70000, 2, 50000, 30000), new Shape(70000, 4, 50000, 30000), [null, [0, 0, 1, 1], null, null], 0);
        Assert.That(kernel.BlockBytes, Is.EqualTo(6_000_000_000));
    }
}
