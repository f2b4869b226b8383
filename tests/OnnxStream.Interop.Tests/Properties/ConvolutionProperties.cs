using CsCheck;

namespace OnnxStream.Interop.Tests.Properties;

/// <summary>Operators that move a window over images of one to three dimensions.</summary>
[NativeMemoryLeakCheck]
public class ConvolutionProperties
{
    [Test]
    public void Convolution() => Property.Check(
        from window in Windows(pads: 3)
        from groups in Gen.Int[1, 4]
        from inputs in Gen.Int[1, 5]
        from outputs in Gen.Frequency((5, Gen.Int[1, 5]), (1, Gen.Int[6, 40]))
        from batch in Gen.Long[1, 3]
        from hasBias in Gen.Bool
        from isConstant in Gen.Bool
        from seed in Property.Numbers
        select AddWindow(
            new OperatorTester("Conv", 11) { Tolerance = 2e-4 }.Input(TestTensors.Floats(seed, [batch, groups * inputs, .. window.Image])).Input(TestTensors.Floats(seed + 1, [groups * outputs, inputs, .. window.Kernel]), isConstant)
                .Input(hasBias ? TestTensors.Floats(seed + 2, groups * outputs) : null, hasBias && isConstant).Attribute("group", groups),
            window));

    [Test]
    public void Transposed() => Property.Check(
        from window in Windows(pads: 1)
        from groups in Gen.Int[1, 3]
        from inputs in Gen.Int[1, 4]
        from outputs in Gen.Int[1, 6]
        from batch in Gen.Long[1, 2]
        from hasBias in Gen.Bool
        from extra in Gen.Bool.Array[3]
        from seed in Property.Numbers
        // Added to the output at one side; less than the stride, and of use only there.
        let padding = window.Strides.Select((stride, i) => extra[i] && stride > 1 ? 1 : 0).ToArray()
        where window.Image.Select((size, i) => (size - 1) * window.Strides[i] + padding[i] + ((window.Kernel[i] - 1) * window.Dilations[i]) + 1 - window.Pads[i] - window.Pads[i + window.Kernel.Length]).All(size => size > 0)
        select AddWindow(
            new OperatorTester("ConvTranspose", 11) { Tolerance = 2e-4 }.Input(TestTensors.Floats(seed, [batch, groups * inputs, .. window.Image])).Input(TestTensors.Floats(seed + 1, [groups * inputs, outputs, .. window.Kernel]))
                .Input(hasBias ? TestTensors.Floats(seed + 2, groups * outputs) : null).Attribute("group", groups).Attribute("output_padding", padding),
            window));

    [Test]
    public void Pools() => Property.Check(
        from operatorType in Property.OneOf("MaxPool", "AveragePool")
        from window in Windows(pads: 1)
        from channels in Gen.Long[1, 9]
        from batch in Gen.Long[1, 3]
        from seed in Property.Numbers
        from countsPads in Gen.Bool
        from ceils in Gen.Bool
        // A window must touch the image: pads are smaller than the kernel. Averages have dilations since opset 19.
        let pads = window.Pads.Select((pad, i) => Math.Min(pad, (int)window.Kernel[i % window.Kernel.Length] - 1)).ToArray()
        let isMax = operatorType == "MaxPool"
        let tester = new OperatorTester(operatorType, 12) { Tolerance = 1e-4 }.Input(TestTensors.Floats(seed, [batch, channels, .. window.Image]))
            .Attribute("kernel_shape", window.Kernel).Attribute("strides", window.Strides).Attribute("pads", pads)
            // Where the last window begins behind the image, ONNX Runtime and the specification had different opinions over the versions.
            .Attribute("ceil_mode", ceils && window.Strides.All(stride => stride == 1) ? 1 : 0)
        select isMax ? tester.Attribute("dilations", window.Dilations) : tester.Attribute("count_include_pad", countsPads ? 1 : 0));

    [Test]
    public void WholeImages() => Property.Check(
        from operatorType in Property.OneOf("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
        from shape in Property.Extent.Array[3, 5].Where(shape => shape.Aggregate((a, b) => a * b) <= 4000)
        from seed in Property.Numbers
        select new OperatorTester(operatorType, 2) { Tolerance = 1e-4 }.Input(TestTensors.Floats(seed, shape)));

    private static OperatorTester AddWindow(OperatorTester tester, Window window) =>
        tester.Attribute("strides", window.Strides).Attribute("dilations", window.Dilations).Attribute("pads", window.Pads);

    private static Gen<Window> Windows(int pads) =>
        from rank in Gen.Frequency((1, Gen.Const(1)), (4, Gen.Const(2)), (1, Gen.Const(3)))
        from kernel in Gen.Long[1, 4].Array[rank]
        from strides in Gen.Int[1, 3].Array[rank]
        from dilations in Gen.Frequency((3, Gen.Const(1)), (1, Gen.Int[2, 3])).Array[rank]
        from padding in Gen.Int[0, pads].Array[2 * rank]
        from extra in Gen.Frequency((5, Gen.Long[0, 6]), (1, Gen.Long[7, 30])).Array[rank]
        // At least one window fits.
        select new Window([.. extra.Select((more, i) => (kernel[i] - 1) * dilations[i] + 1 + more)], kernel, strides, dilations, padding);

    private sealed record Window(long[] Image, long[] Kernel, int[] Strides, int[] Dilations, int[] Pads);
}
