namespace OnnxStream.Interop.Vision;

/// <summary>What counts as an object.</summary>
public sealed record ObjectDetectorOptions
{
    /// <summary>How sure an object must be, 0 to 1. The default is 0.25.</summary>
    public float Threshold { get; init; } = 0.25f;

    /// <summary>Of two boxes of one class that overlap more (area of both over that of either, 0 to 1), the surer one is kept. The default is 0.45.</summary>
    public float MostOverlap { get; init; } = 0.45f;

    /// <summary>The most objects. The default is 300.</summary>
    public int MostObjects { get; init; } = 300;

    /// <summary>The side of the square that the picture is put into, in pixels, where the model leaves that open; a multiple of 32. The default is 640.</summary>
    public int Side { get; init; } = 640;

    /// <summary>The names of classes; null for their numbers.</summary>
    public IReadOnlyList<string>? Labels { get; init; }
}
