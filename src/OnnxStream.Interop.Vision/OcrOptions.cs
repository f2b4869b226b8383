namespace OnnxStream.Interop.Vision;

/// <summary>How text is found and read.</summary>
public sealed record OcrOptions
{
    /// <summary>The longest side, in pixels, of the picture that text is looked for in; a larger picture is made smaller. More finds smaller text, and takes time and memory with its square. The default is 960.</summary>
    public int LongestSide { get; init; } = 960;

    /// <summary>The shortest side, in pixels, of the picture that text is looked for in; a smaller picture is made larger, as far as <see cref="LongestSide"/> allows. The default is 320.</summary>
    public int ShortestSide { get; init; } = 320;

    /// <summary>How sure a pixel must be to belong to text, 0 to 1. The default is 0.3.</summary>
    public float PixelThreshold { get; init; } = 0.3f;

    /// <summary>How sure a line must be to be one, 0 to 1: the mean of its pixels. The default is 0.6.</summary>
    public float BoxThreshold { get; init; } = 0.6f;

    /// <summary>How much boxes are larger than the kernel of text that the detector sees. The default is 1.5.</summary>
    public float BoxGrowth { get; init; } = 1.5f;

    /// <summary>How sure text must be to be returned, 0 to 1: the mean of its characters. The default is 0.5.</summary>
    public float TextThreshold { get; init; } = 0.5f;

    /// <summary>How sure it must be that a line is upside down for it to be read both ways, 0 to 1; what is surer is kept. The default is 0.9.</summary>
    public float TurnThreshold { get; init; } = 0.9f;

    /// <summary>Whether a model's session stays open for the next picture. If not, one session at a time holds memory. The default is true.</summary>
    public bool KeepsSessionsOpen { get; init; } = true;
}
