namespace OnnxStream.Interop.Diffusion;

/// <summary>A picture is drawn small, made larger, and drawn again from that: large pictures keep the composition that models know from small ones. Web interfaces call it hires fix.</summary>
public sealed record HiresFix
{
    /// <summary>What files of pictures call stretched latents.</summary>
    public const string LatentName = "Latent";

    /// <summary>The most that <see cref="Scale"/> may be.</summary>
    public const float MostScale = 8;

    /// <summary>How many times longer the sides become, more than 1 and at most <see cref="MostScale"/>; latents are cut to whole ones.</summary>
    public float Scale { get; init; } = 2;

    /// <summary>The steps that the second drawing takes; null (the default) for as many as the first.</summary>
    public int? Steps { get; init; }

    /// <summary>How far the second drawing may change the first, more than 0 and at most 1.</summary>
    public float Strength { get; init; } = 0.5f;

    /// <summary>A network that makes pictures larger (<see cref="Upscaler"/>), an ONNX file or a <c>model.txt</c>; null (the default) to stretch latents. What it makes is stretched to the size, so the folder needs an encoder of the VAE.</summary>
    public string? UpscalerPath { get; init; }

    /// <summary>What a file of a picture calls the way of making it larger.</summary>
    public string UpscalerName => UpscalerPath is null ? LatentName
        : Path.GetFileNameWithoutExtension(UpscalerPath) == "model" ? Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(UpscalerPath)))!
        : Path.GetFileNameWithoutExtension(UpscalerPath);
}
