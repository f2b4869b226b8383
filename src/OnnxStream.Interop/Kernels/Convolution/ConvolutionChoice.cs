using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop.Kernels;

/// <summary>Which algorithm computes a convolution: the one place that decides it.</summary>
/// <remarks>
/// What an algorithm can compute, it says itself; what it is best for was measured with AVX-512. A table by shape and processor would take
/// the place of <see cref="Choose"/>, and of nothing else.
/// </remarks>
/// <param name="Parameters">The geometry.</param>
/// <param name="Input">The shape [N,H,W,C] of what is convolved.</param>
/// <param name="Outputs">The output channels.</param>
internal readonly record struct ConvolutionChoice(ConvolutionParameters Parameters, Shape Input, long Outputs)
{
    // 3x3 with stride 2 takes 0.73 of the time that it takes window by window with 3 channels, 0.75 with 8 and 0.8 with 16; 7x7 with 8 takes
    // 0.47. From more channels on, weights are large enough to be streamed.
    private const long MostPatchChannels = 8;

    // Not for time, of which 400 KB cost no more: the weight is in memory whole, and packed by one thread in every run.
    private const long MostPatchWeightBytes = 256 << 10;

    // With 8 to 24 outputs, XNNPACK's product of matrices takes two to four times as long as its convolution, which has narrower kernels; from
    // 32 on the same.
    private const long FewestProductOutputs = 32;

    // 64 outputs of 48x48 pixels take 0.65 of the time that they take window by window with 48 channels, 0.64 with 64.
    private const long FewestWinogradChannels = 48;

    // 3 and 4 outputs take as long as window by window, but need no table of addresses for all results, which has 19 MB at 512x512.
    private const long FewestWinogradOutputs = 3;

    // The transforms take as long as that many products for each channel of input and output, and a product is computed in a quarter of the
    // time. Measured over 32 to 256 channels: slower at 32 and 128 channels, 1.6 times as fast at 64 and 64.
    private const long TransformProducts = 22;

    // Fewer outputs cost as much as that many.
    private const long OutputTile = 32;

    // Padding included. 128 channels and outputs take 1.1 of the time of window by window at 14x14 pixels, 0.93 at 16x16, 0.78 at 20x20 and
    // 0.65 at 28x28.
    private const long SmallestWinogradSide = 18;
    private const long FewestWinogradPixels = 400;

    // The transformed weight has at least half as many numbers as the transformed image and its sums: from 256 channels on at 64x64 and 128
    // at 28x28, one position after the other is quicker.
    private const long StreamedNumbersRatio = 2;

    // On images that are too small for all positions at once, the steps of a pass cost more than they save below that many products, and
    // four times as many bytes as the weight has must come from the store.
    private const long FewestStreamedProducts = 600_000;
    private const long MostStreamedBytes = 12 << 20;

    /// <summary>Whether the data has half the height and width, and each of its pixels stands for four: only Winograd's algorithm and formats of integers read that.</summary>
    public bool IsUpsampled { get; init; }

    /// <summary>Whether packed weights are in a store.</summary>
    public bool IsStored { get; init; }

    /// <summary>Whether weights are rounded to integers. Winograd's transform would multiply the errors of that.</summary>
    public bool IsQuantized { get; init; }

    // XNNPACK has kernels of its own for a single input channel.
    private bool IsDense => Parameters.Groups == 1 && Input[3] > 1;

    /// <summary>The algorithm.</summary>
    public ConvolutionAlgorithm Choose() =>
        !IsDense ? GroupedConvolutionKernel.Supports(Parameters, Input[3], Outputs) ? ConvolutionAlgorithm.SmallGroups : ConvolutionAlgorithm.Groups :
        !IsUpsampled && IsForPatches ? ConvolutionAlgorithm.Patches :
        Parameters.IsPointwise && Outputs >= FewestProductOutputs ? ConvolutionAlgorithm.Product :
        IsQuantized ? ConvolutionAlgorithm.Windows :
        IsStored && IsForStreamedWinograd ? ConvolutionAlgorithm.StreamedWinograd :
        IsForWinograd ? ConvolutionAlgorithm.Winograd :
        ConvolutionAlgorithm.Windows;

    private bool IsForPatches =>
        XnnPatchConvolution2d.Supports(Parameters) && Input[3] <= MostPatchChannels &&
        Parameters.KernelHeight * Parameters.KernelWidth * Input[3] * Outputs * sizeof(float) <= MostPatchWeightBytes;

    private bool IsForWinograd
    {
        get
        {
            long computed = Math.Max(Outputs, OutputTile);
            return WinogradTiles.Fit(Parameters) && Input[3] >= FewestWinogradChannels && Outputs >= FewestWinogradOutputs &&
                Input[3] * computed > TransformProducts * (Input[3] + computed) &&
                Input[1] + Parameters.PaddingTop + Parameters.PaddingBottom >= SmallestWinogradSide &&
                Input[2] + Parameters.PaddingLeft + Parameters.PaddingRight >= SmallestWinogradSide &&
                Input[0] * Input[1] * Input[2] >= FewestWinogradPixels;
        }
    }

    private bool IsForStreamedWinograd
    {
        get
        {
            if (!StreamedWinogradConvolutionKernel.Supports(Parameters, Input[3], Outputs))
            {
                return false;
            }

            long numbers = Input[3] * Outputs;
            long tiles = new WinogradTiles(Input, Parameters, default, isUpsampled: false).Count;
            return StreamedNumbersRatio * numbers >= tiles * (Input[3] + Outputs) &&
                (IsForWinograd || (numbers * tiles >= FewestStreamedProducts && WinogradTransform.Positions * numbers * sizeof(float) <= MostStreamedBytes));
        }
    }
}
