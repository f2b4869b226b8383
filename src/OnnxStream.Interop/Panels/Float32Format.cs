using OnnxStream.Interop.Bindings;
using static OnnxStream.Interop.Bindings.Xnnpack;

namespace OnnxStream.Interop.Panels;

/// <summary>Single precision: packed as XNNPACK's f32 operators want it, and stored like that.</summary>
/// <remarks>Formats that only store the same numbers in fewer bytes derive from it.</remarks>
internal unsafe class Float32Format : PanelFormat
{
    /// <inheritdoc/>
    public override string Identity => "f32";

    /// <inheritdoc/>
    public override ElementType StoredType => ElementType.Float32;

    /// <inheritdoc/>
    public override bool IsUsedInPlace => true;

    /// <inheritdoc/>
    public override long StoredBytes(long packedBytes) => packedBytes;

    /// <inheritdoc/>
    public override Span<byte> Encode(Span<byte> packed) => packed;

    /// <inheritdoc/>
    public override void Expand(byte* stored, byte* packed, long packedBytes) => Buffer.MemoryCopy(stored, packed, packedBytes, packedBytes);

    /// <inheritdoc/>
    public override string FunctionName(PanelProduct product) => product is MatrixProduct { IsConvolution: false } ? nameof(xnn_create_fully_connected_nc_f32) : nameof(xnn_create_convolution2d_nhwc_f32);

    /// <inheritdoc/>
    public override xnn_status Create(PanelProduct product, int outputs, void* weights, float* bias, xnn_weights_cache_provider* cache, xnn_operator** created)
    {
        nuint stride = (nuint)(product.OutputStride == 0 ? outputs : product.OutputStride);
        if (product is MatrixProduct { IsConvolution: false } matrix)
        {
            return xnn_create_fully_connected_nc_f32(
                (nuint)matrix.Inputs, (nuint)outputs, (nuint)matrix.InputStride, stride, (float*)weights, bias,
                product.Low, product.High, matrix.IsInputMajor ? (uint)XNN_FLAG_TRANSPOSE_WEIGHTS : 0, null, cache, created);
        }

        if (product is MatrixProduct { Inputs: var inputs, InputStride: var inputStride })
        {
            return xnn_create_convolution2d_nhwc_f32(
                0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, (nuint)inputs, (nuint)outputs, (nuint)inputStride, stride, (float*)weights, bias, product.Low, product.High, 0, null, cache, created);
        }

        ConvolutionProduct convolution = (ConvolutionProduct)product;
        ConvolutionParameters parameters = convolution.Parameters;
        nuint channels = (nuint)convolution.Input[3];
        return xnn_create_convolution2d_nhwc_f32(
            (uint)parameters.PaddingTop, (uint)parameters.PaddingRight, (uint)parameters.PaddingBottom, (uint)parameters.PaddingLeft,
            (uint)parameters.KernelHeight, (uint)parameters.KernelWidth, (uint)parameters.StrideHeight, (uint)parameters.StrideWidth,
            (uint)parameters.DilationHeight, (uint)parameters.DilationWidth, 1, channels, (nuint)outputs, channels, stride,
            (float*)weights, bias, product.Low, product.High, (uint)XNN_FLAG_TRANSIENT_INDIRECTION_BUFFER, null, cache, created);
    }

    /// <inheritdoc/>
    public override xnn_status Reshape(PanelProduct product, xnn_operator* operation, long rows, nuint* workspaceBytes, Pthreadpool* threads)
    {
        *workspaceBytes = 0;
        if (product is MatrixProduct { IsConvolution: false })
        {
            return xnn_reshape_fully_connected_nc_f32(operation, (nuint)rows, threads);
        }

        nuint alignment;
        Shape input = product is ConvolutionProduct convolution ? convolution.Input : new Shape(1, rows, 1, 0);
        return xnn_reshape_convolution2d_nhwc_f32(operation, (nuint)input[0], (nuint)input[1], (nuint)input[2], workspaceBytes, &alignment, null, null, threads);
    }

    /// <inheritdoc/>
    public override xnn_status Setup(PanelProduct product, xnn_operator* operation, byte* workspace, byte* data, long firstRow, byte* results) => product switch
    {
        MatrixProduct { IsConvolution: false } matrix => xnn_setup_fully_connected_nc_f32(operation, (float*)data + firstRow * matrix.InputStride, (float*)results),
        MatrixProduct matrix => xnn_setup_convolution2d_nhwc_f32(operation, workspace, (float*)data + firstRow * matrix.InputStride, (float*)results),
        _ => xnn_setup_convolution2d_nhwc_f32(operation, workspace, (float*)data, (float*)results),
    };
}
