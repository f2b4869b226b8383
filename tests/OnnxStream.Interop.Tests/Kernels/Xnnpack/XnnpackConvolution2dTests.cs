using OnnxStream.Interop.Bindings;

namespace OnnxStream.Interop.Tests.Kernels;

/// <summary>
/// XNNPACK's convolutions of quantized and half-precision images, compared with plain loops, in buffers that end where
/// the images end.
/// </summary>
[NativeMemoryLeakCheck]
public unsafe class XnnpackConvolution2dTests
{
    // One pixel more than a tile of 16 with more than 64 channels, which AMX kernels once computed with the first 64
    // again; groups,
    // depthwise, strides, dilation, and kernels larger than the image.
    private static readonly TestCaseData[] s_shapes =
    [
        new(new ConvolutionShape(1, 1, 17, 65, 5, 3, 1, 1, 1, 1)),
        new(new ConvolutionShape(1, 7, 7, 130, 67, 3, 1, 1, 1, 1)),
        new(new ConvolutionShape(2, 5, 13, 96, 33, 3, 1, 1, 1, 1)),
        new(new ConvolutionShape(1, 3, 11, 129, 1, 3, 1, 1, 1, 1)),
        new(new ConvolutionShape(2, 9, 6, 7, 17, 1, 0, 1, 1, 1)),
        new(new ConvolutionShape(1, 11, 3, 70, 66, 1, 0, 1, 1, 1)),
        new(new ConvolutionShape(1, 9, 9, 5, 6, 5, 2, 1, 1, 1)),
        new(new ConvolutionShape(2, 9, 8, 6, 9, 3, 1, 2, 1, 3)),
        new(new ConvolutionShape(1, 12, 10, 3, 4, 3, 2, 1, 2, 1)),
        new(new ConvolutionShape(1, 6, 7, 19, 19, 3, 1, 1, 1, 19)),
        new(new ConvolutionShape(1, 2, 2, 3, 5, 5, 2, 1, 1, 1)),
    ];

    private static IEnumerable<TestCaseData> Shapes => s_shapes;

    [TestCaseSource(nameof(Shapes))]
    public void DynamicallyQuantizedImages(ConvolutionShape shape)
    {
        sbyte[] weights = XnnpackOperator.Integers(1, shape.WeightCount);
        sbyte[] image = XnnpackOperator.Integers(2, shape.InputCount, -128);
        float[] scales = XnnpackOperator.Floats(3, shape.Outputs, 0.001F, 0.02F);
        float[] bias = XnnpackOperator.Floats(4, shape.Outputs, -10, 10);
        xnn_quantization_params[] parameters = XnnpackOperator.RowParameters(5, shape.Batch);
        double[] expected = shape.Compute(
            (image_, index) => image[index] - parameters[image_].zero_point, index => weights[index],
                (image_, channel, sum) => sum * parameters[image_].scale * scales[channel] + bias[channel]);
        using GuardedMemory<sbyte> w = new(weights), input = new(image);
        using GuardedMemory<float> s = new(scales), b = new(bias), output = new(shape.OutputCount);
        using GuardedMemory<xnn_quantization_params> imageParameters = new(parameters, readPastEnd: 0);
        xnn_operator* created;
        OnnxStream.Interop.Native.XnnpackLibrary.Initialize();
        (uint pad, uint kernel, uint stride, uint dilation, nuint inputs) = shape.Numbers;
        xnn_status status = Xnnpack.xnn_create_convolution2d_nhwc_qd8_f32_qc8w(
            pad, pad, pad, pad, kernel, kernel, stride, stride, dilation, dilation, (uint)shape.Groups, inputs,
                (nuint)(shape.Outputs / shape.Groups), (nuint)shape.Inputs, (nuint)shape.Outputs,
            s.Pointer, w.Pointer, b.Pointer, float.NegativeInfinity, float.PositiveInfinity, 0, null, null, &created);
        Assert.That(status, Is.EqualTo(xnn_status.xnn_status_success));
        nuint size = 0, alignment = 0;
        Assert.That(
            Xnnpack.xnn_reshape_convolution2d_nhwc_qd8_f32_qc8w(created, (nuint)shape.Batch, (nuint)shape.Height,
                (nuint)shape.Width, &size, &alignment, null, null, null), Is.EqualTo(xnn_status.xnn_status_success));
        using GuardedMemory<byte> workspace = new((int)(size + 63) / 64 * 64);
        Assert.That(
            Xnnpack.xnn_setup_convolution2d_nhwc_qd8_f32_qc8w(created, workspace.Pointer, input.Pointer,
                output.Pointer, imageParameters.Pointer), Is.EqualTo(xnn_status.xnn_status_success));
        Assert.That(Xnnpack.xnn_run_operator(created, null), Is.EqualTo(xnn_status.xnn_status_success));
        XnnpackOperator.CheckClose(output.Span, expected, 1e-4, $"{shape}");
        XnnpackOperator.Delete(created);
    }

    [TestCaseSource(nameof(Shapes))]
    public void StaticallyQuantizedImages(ConvolutionShape shape)
    {
        const float InputScale = 0.03F, OutputScale = 0.9F;
        const sbyte InputZero = 4, OutputZero = -6;
        sbyte[] weights = XnnpackOperator.Integers(1, shape.WeightCount);
        sbyte[] image = XnnpackOperator.Integers(2, shape.InputCount, -128);
        float[] scales = XnnpackOperator.Floats(3, shape.Outputs, 0.001F, 0.02F);
        int[] bias = [.. XnnpackOperator.Floats(4, shape.Outputs, -3000, 3000).Select(value => (int)value)];
        double[] expected = shape.Compute(
            (_, index) => image[index] - InputZero, index => weights[index], (_, channel, sum) => OutputZero
                + (sum + bias[channel]) * InputScale * scales[channel] / OutputScale);
        using GuardedMemory<sbyte> w = new(weights), input = new(image), output = new(shape.OutputCount);
        using GuardedMemory<float> s = new(scales);
        using GuardedMemory<int> b = new(bias);
        xnn_operator* created;
        OnnxStream.Interop.Native.XnnpackLibrary.Initialize();
        (uint pad, uint kernel, uint stride, uint dilation, nuint inputs) = shape.Numbers;
        xnn_status status = Xnnpack.xnn_create_convolution2d_nhwc_qs8_qc8w(
            pad, pad, pad, pad, kernel, kernel, stride, stride, dilation, dilation, (uint)shape.Groups, inputs,
                (nuint)(shape.Outputs / shape.Groups), (nuint)shape.Inputs, (nuint)shape.Outputs,
            InputZero, InputScale, s.Pointer, w.Pointer, b.Pointer, OutputZero, OutputScale, sbyte.MinValue,
                sbyte.MaxValue, 0, null, null, &created);
        Assert.That(status, Is.EqualTo(xnn_status.xnn_status_success));
        nuint size = 0, alignment = 0;
        Assert.That(
            Xnnpack.xnn_reshape_convolution2d_nhwc_qs8_qc8w(created, (nuint)shape.Batch, (nuint)shape.Height,
                (nuint)shape.Width, &size, &alignment, null, null, null), Is.EqualTo(xnn_status.xnn_status_success));
        using GuardedMemory<byte> workspace = new((int)(size + 63) / 64 * 64);
        Assert.That(
            Xnnpack.xnn_setup_convolution2d_nhwc_qs8_qc8w(created, workspace.Pointer, input.Pointer, output.Pointer),
            Is.EqualTo(xnn_status.xnn_status_success));
        Assert.That(Xnnpack.xnn_run_operator(created, null), Is.EqualTo(xnn_status.xnn_status_success));
        XnnpackOperator.CheckRounded(output.Span, expected, $"{shape}");
        XnnpackOperator.Delete(created);
    }

    [TestCaseSource(nameof(Shapes))]
    public void HalfPrecision(ConvolutionShape shape)
    {
        Half[] weights = Halves(1, shape.WeightCount);
        Half[] image = Halves(2, shape.InputCount);
        Half[] bias = Halves(4, shape.Outputs);
        double[] expected =
            shape.Compute((_, index) => (double)image[index], index => (double)weights[index], (_, channel, sum) => sum
            + (double)bias[channel]);
        using GuardedMemory<Half> w = new(weights), input = new(image), b = new(bias), output = new(shape.OutputCount);
        xnn_operator* created;
        OnnxStream.Interop.Native.XnnpackLibrary.Initialize();
        (uint pad, uint kernel, uint stride, uint dilation, nuint inputs) = shape.Numbers;
        xnn_status status = Xnnpack.xnn_create_convolution2d_nhwc_f16(
            pad, pad, pad, pad, kernel, kernel, stride, stride, dilation, dilation, (uint)shape.Groups, inputs,
                (nuint)(shape.Outputs / shape.Groups), (nuint)shape.Inputs, (nuint)shape.Outputs,
            w.Pointer, b.Pointer, float.NegativeInfinity, float.PositiveInfinity, 0, null, null, &created);
        if (status == xnn_status.xnn_status_unsupported_hardware)
        {
            Assert.Ignore("This processor has no half-precision kernels.");
        }

        Assert.That(status, Is.EqualTo(xnn_status.xnn_status_success));
        nuint size = 0, alignment = 0;
        Assert.That(
            Xnnpack.xnn_reshape_convolution2d_nhwc_f16(created, (nuint)shape.Batch, (nuint)shape.Height,
                (nuint)shape.Width, &size, &alignment, null, null, null), Is.EqualTo(xnn_status.xnn_status_success));
        using GuardedMemory<byte> workspace = new((int)(size + 63) / 64 * 64);
        Assert.That(
            Xnnpack.xnn_setup_convolution2d_nhwc_f16(created, workspace.Pointer, input.Pointer, output.Pointer),
            Is.EqualTo(xnn_status.xnn_status_success));
        Assert.That(Xnnpack.xnn_run_operator(created, null), Is.EqualTo(xnn_status.xnn_status_success));
        XnnpackOperator.CheckClose([.. output.Span.ToArray().Select(value => (float)value)], expected, 0.1, $"{shape}");
        XnnpackOperator.Delete(created);
    }

    private static Half[] Halves(int seed, int length) =>
        [.. XnnpackOperator.Floats(seed, length).Select(value => (Half)value)];
}
