namespace OnnxStream.Interop.Panels;

/// <summary>Rows times a matrix, plus a bias.</summary>
/// <param name="Inputs">The elements of a row of data.</param>
/// <param name="IsInputMajor">Whether the matrix is given as [inputs, outputs]; otherwise as [outputs, inputs].</param>
internal sealed record MatrixProduct(long Inputs, bool IsInputMajor = false) : PanelProduct
{
    /// <inheritdoc/>
    public override long PerOutput => Inputs;

    /// <summary>Elements from a row of data to the next.</summary>
    public long InputStride { get; init; } = Inputs;

    /// <summary>Whether XNNPACK's convolution computes it: for a few output channels, its fully connected operator has kernels a quarter as fast.</summary>
    public bool IsConvolution { get; init; }
}
