namespace OnnxStream.Interop.Vision;

/// <summary>How pictures become the input of a classifier: <c>(pixel / 255 - mean) / deviation</c>. The defaults are those of torchvision.</summary>
public sealed record ImageClassifierOptions
{
    /// <summary>The side that the shorter side of a picture is brought to, relative to that of the input, whose square is then cut out of the middle. The default is 256 / 224.</summary>
    public double Margin { get; init; } = 256.0 / 224;

    /// <summary>What is subtracted from red, green and blue.</summary>
    public IReadOnlyList<float> Mean { get; init; } = [0.485f, 0.456f, 0.406f];

    /// <summary>What they are divided by.</summary>
    public IReadOnlyList<float> Deviation { get; init; } = [0.229f, 0.224f, 0.225f];

    /// <summary>Whether the model takes blue, green, red. The default is false.</summary>
    public bool IsBlueFirst { get; init; }

    /// <summary>The side of the input, in pixels, where the model leaves that open. The default is 224.</summary>
    public int Side { get; init; } = 224;

    /// <summary>The names of classes; null for their numbers.</summary>
    public IReadOnlyList<string>? Labels { get; init; }
}
