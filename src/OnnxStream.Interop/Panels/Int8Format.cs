using OnnxStream.Interop.Bindings;
using static OnnxStream.Interop.Bindings.Xnnpack;

namespace OnnxStream.Interop.Panels;

/// <summary>Weights of 8 bits with a scale for each output channel, which <see cref="ChannelQuantizer"/> fits: a quarter of the bytes.</summary>
internal sealed unsafe class Int8Format : QuantizedFormat
{
    /// <inheritdoc/>
    public override string Identity => "int8";

    /// <inheritdoc/>
    public override ElementType StoredType => ElementType.Int8;

    /// <inheritdoc/>
    public override double BytesPerNumber => sizeof(sbyte);

    /// <inheritdoc/>
    public override string FunctionName(PanelProduct product) => product is MatrixProduct ? nameof(xnn_create_fully_connected_nc_qd8_f32_qc8w) : nameof(xnn_create_convolution2d_nhwc_qd8_f32_qc8w);

    /// <inheritdoc/>
    public override xnn_status Create(PanelProduct product, int outputs, void* weights, float* bias, xnn_weights_cache_provider* cache, xnn_operator** created)
    {
        // Nothing is packed, and no scale is used.
        fixed (float* scales = new float[outputs])
        {
            return Create(product, outputs, (byte*)weights, (byte*)scales, bias, cache, created);
        }
    }

    /// <inheritdoc/>
    public override xnn_status Reshape(PanelProduct product, xnn_operator* operation, long rows, nuint* workspaceBytes, Pthreadpool* threads)
    {
        *workspaceBytes = 0;
        if (product is not ConvolutionProduct { Input: var input })
        {
            return xnn_reshape_fully_connected_nc_qd8_f32_qc8w(operation, (nuint)rows, threads);
        }

        nuint alignment;
        return xnn_reshape_convolution2d_nhwc_qd8_f32_qc8w(operation, (nuint)input[0], (nuint)input[1], (nuint)input[2], workspaceBytes, &alignment, null, null, threads);
    }

    /// <inheritdoc/>
    public override xnn_status Setup(PanelProduct product, xnn_operator* operation, byte* workspace, byte* data, long firstRow, byte* results) => product is MatrixProduct matrix
        ? xnn_setup_fully_connected_nc_qd8_f32_qc8w(operation, QuantizedRows.Elements(data) + firstRow * matrix.Inputs, (float*)results, QuantizedRows.Parameters(data) + firstRow)
        : xnn_setup_convolution2d_nhwc_qd8_f32_qc8w(operation, workspace, QuantizedRows.Elements(data), (float*)results, QuantizedRows.Parameters(data));

    /// <inheritdoc/>
    public override SquaredLoss WeightLoss(ReadOnlySpan<float> channel)
    {
        sbyte[] integers = new sbyte[channel.Length];
        float scale = ChannelQuantizer.Quantize(channel, integers);
        SquaredLoss loss = SquaredLoss.None;
        for (int i = 0; i < channel.Length; i++)
        {
            double difference = (double)channel[i] - (double)scale * integers[i];
            loss += new SquaredLoss(difference * difference, (double)channel[i] * channel[i]);
        }

        return loss;
    }

    /// <inheritdoc/>
    protected override long IntegerBytes(long perOutput) => perOutput;

    /// <inheritdoc/>
    protected override long ScaleBytes(long perOutput) => sizeof(float);

    /// <inheritdoc/>
    protected override void Quantize(ReadOnlySpan<float> weights, byte* integers, byte* scales) =>
        *(float*)scales = ChannelQuantizer.Quantize(weights, new Span<sbyte>(integers, weights.Length));

    /// <inheritdoc/>
    protected override xnn_status Create(PanelProduct product, int outputs, byte* integers, byte* scales, float* bias, xnn_weights_cache_provider* cache, xnn_operator** created)
    {
        nuint stride = (nuint)(product.OutputStride == 0 ? outputs : product.OutputStride);
        if (product is MatrixProduct { Inputs: var inputs })
        {
            return xnn_create_fully_connected_nc_qd8_f32_qc8w(
                (nuint)inputs, (nuint)outputs, (nuint)inputs, stride, (float*)scales, (sbyte*)integers, bias, product.Low, product.High, 0, null, cache, created);
        }

        ConvolutionProduct convolution = (ConvolutionProduct)product;
        ConvolutionParameters parameters = convolution.Parameters;
        nuint channels = (nuint)convolution.Input[3];
        return xnn_create_convolution2d_nhwc_qd8_f32_qc8w(
            (uint)parameters.PaddingTop, (uint)parameters.PaddingRight, (uint)parameters.PaddingBottom, (uint)parameters.PaddingLeft,
            (uint)parameters.KernelHeight, (uint)parameters.KernelWidth, (uint)parameters.StrideHeight, (uint)parameters.StrideWidth,
            (uint)parameters.DilationHeight, (uint)parameters.DilationWidth, 1, channels, (nuint)outputs, channels, stride,
            (float*)scales, (sbyte*)integers, bias, product.Low, product.High, (uint)XNN_FLAG_TRANSIENT_INDIRECTION_BUFFER, null, cache, created);
    }
}
