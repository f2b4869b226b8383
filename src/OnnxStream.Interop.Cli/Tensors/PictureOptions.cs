namespace OnnxStream.Interop.Cli.Tensors;

/// <summary>How pixels, 0 to 255, become elements of a tensor: <c>(pixel * Scale - Mean) / Deviation</c>.</summary>
/// <param name="Scale">The factor; null for 1/255 where elements are floating-point numbers, and 1 where they are integers.</param>
/// <param name="Mean">What is subtracted: one number, or one for each channel.</param>
/// <param name="Deviation">What is divided by: one number, or one for each channel.</param>
internal sealed record PictureOptions(double? Scale, IReadOnlyList<double> Mean, IReadOnlyList<double> Deviation)
{
    /// <summary>What holds where nothing is said.</summary>
    public static PictureOptions Default { get; } = new(null, [0], [1]);
}
