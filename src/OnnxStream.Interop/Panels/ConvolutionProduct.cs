namespace OnnxStream.Interop.Panels;

/// <summary>A two-dimensional convolution without groups of channels-last images.</summary>
/// <param name="Parameters">The geometry. The limits of results are those of the product.</param>
/// <param name="Input">The shape of the data: [N,H,W,C].</param>
internal sealed record ConvolutionProduct(ConvolutionParameters Parameters, Shape Input) : PanelProduct;
