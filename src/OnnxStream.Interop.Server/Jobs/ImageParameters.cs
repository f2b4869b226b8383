namespace OnnxStream.Interop.Server.Jobs;

/// <summary>What pictures shall be made. What is null is as the model suggests.</summary>
public sealed record ImageParameters
{
    /// <summary>What they should show.</summary>
    public required string Prompt { get; init; }

    /// <summary>What they should not show.</summary>
    public string? NegativePrompt { get; init; }

    /// <summary>The number of pictures, 1 where it is null, with the seeds that follow one another.</summary>
    public int? Count { get; init; }

    /// <summary>The width in pixels; with <see cref="Image"/> null, what suits the model.</summary>
    public int? Width { get; init; }

    /// <summary>The height in pixels.</summary>
    public int? Height { get; init; }

    /// <summary>The number of sampling steps.</summary>
    public int? Steps { get; init; }

    /// <summary>How strongly the prompt is followed.</summary>
    public float? GuidanceScale { get; init; }

    /// <summary>The sampler, by any of its names, alone or with a schedule.</summary>
    public string? Sampler { get; init; }

    /// <summary>The schedule of noise levels, by any of its names.</summary>
    public string? Schedule { get; init; }

    /// <summary>The seed of the first picture; null for a random one.</summary>
    public long? Seed { get; init; }

    /// <summary>Which of the text encoder's last layers is used, 1 for the last.</summary>
    public int? ClipSkip { get; init; }

    /// <summary>The bytes of a picture to begin with (PNG, JPEG, BMP, GIF, TGA): it is stretched to the size; null for none.</summary>
    public byte[]? Image { get; init; }

    /// <summary>The bytes of a picture that says what is drawn anew (white) and what stays (black); null for all.</summary>
    public byte[]? Mask { get; init; }

    /// <summary>How far the picture may change, from 0 to 1.</summary>
    public float? Strength { get; init; }

    /// <summary>How far the edge of the mask is blurred, in pixels.</summary>
    public float? MaskBlur { get; init; }

    /// <summary>After how many steps a coarse picture of what there is comes with the progress; null for never.</summary>
    public int? PreviewInterval { get; init; }
}
