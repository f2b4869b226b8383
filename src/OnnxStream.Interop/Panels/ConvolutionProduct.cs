namespace OnnxStream.Interop.Panels;

/// <summary>A two-dimensional convolution without groups of channels-last images.</summary>
/// <param name="Parameters">The geometry. The limits of results are those of the product.</param>
/// <param name="Input">The shape of the data: [N,H,W,C].</param>
internal sealed record ConvolutionProduct(ConvolutionParameters Parameters, Shape Input) : PanelProduct
{
    /// <inheritdoc/>
    public override long PerOutput => (long)Parameters.KernelHeight * Parameters.KernelWidth * Input[3];

    /// <summary>Whether images are given in half their height and width: each pixel becomes four when <see cref="PanelFormat.Convert"/> reads it.</summary>
    public bool IsUpsampled { get; init; }
}
