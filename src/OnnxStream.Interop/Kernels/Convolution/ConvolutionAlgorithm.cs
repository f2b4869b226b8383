namespace OnnxStream.Interop.Kernels;

/// <summary>The ways to compute a two-dimensional convolution of channels-last images in single precision.</summary>
internal enum ConvolutionAlgorithm
{
    /// <summary>Window by window: <see cref="XnnConvolution2d"/>. For any without groups.</summary>
    Windows,

    /// <summary>A product of matrices: <see cref="XnnFullyConnected"/>.</summary>
    Product,

    /// <summary>A product of matrices with copies of what the kernel covers: <see cref="XnnPatchConvolution2d"/>.</summary>
    Patches,

    /// <summary>Winograd's algorithm, with all of a panel's positions at once: <see cref="WinogradConvolutionKernel"/>.</summary>
    Winograd,

    /// <summary>Winograd's algorithm, with one position after the other: <see cref="StreamedWinogradConvolutionKernel"/>.</summary>
    StreamedWinograd,

    /// <summary>Groups side by side in a vector: <see cref="GroupedConvolutionKernel"/>.</summary>
    SmallGroups,

    /// <summary>Group by group: <see cref="XnnGroupedConvolution2d"/>. For any.</summary>
    Groups,
}
