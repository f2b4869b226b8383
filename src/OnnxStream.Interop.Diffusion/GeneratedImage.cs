namespace OnnxStream.Interop.Diffusion;

/// <summary>A picture, and how it was made.</summary>
/// <param name="Image">The picture.</param>
/// <param name="Latents">What it was decoded from, before the division by the model's scaling factor: <c>[1, channels, height, width]</c>.</param>
/// <param name="Parameters">How it was made; its text is what <see cref="PngFile"/> writes into a file.</param>
public sealed record GeneratedImage(RgbImage Image, TensorBuffer Latents, GenerationParameters Parameters)
{
    /// <summary>Red, green and blue of each pixel, row by row from the top left.</summary>
    public ReadOnlySpan<byte> Pixels => Image.Pixels;

    /// <summary>The width in pixels.</summary>
    public int Width => Image.Width;

    /// <summary>The height in pixels.</summary>
    public int Height => Image.Height;

    /// <summary>The seed of its noise.</summary>
    public long Seed => Parameters.Seed;

    /// <summary>Writes a PNG file with the parameters in it.</summary>
    /// <param name="path">The file; it is replaced if it exists.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Save(string path) => PngFile.Write(path, Image, Parameters.ToString());
}
