namespace OnnxStream.Interop.Vision;

/// <summary>An object that was found in a picture.</summary>
/// <param name="ClassIndex">The number of its class, from 0.</param>
/// <param name="Label">The name of its class, or its number where there are no names.</param>
/// <param name="Score">How sure it is, 0 to 1.</param>
/// <param name="Left">The left edge of its box, in pixels of the picture.</param>
/// <param name="Top">The upper edge.</param>
/// <param name="Right">The right edge.</param>
/// <param name="Bottom">The lower edge.</param>
public sealed record DetectedObject(int ClassIndex, string Label, float Score, float Left, float Top, float Right, float Bottom)
{
    /// <summary>How much two boxes have in common: the area of both over that of either, 0 to 1.</summary>
    internal float Overlap(DetectedObject other)
    {
        float width = MathF.Min(Right, other.Right) - MathF.Max(Left, other.Left), height = MathF.Min(Bottom, other.Bottom) - MathF.Max(Top, other.Top);
        float common = MathF.Max(0, width) * MathF.Max(0, height);
        return common > 0 ? common / (Area + other.Area - common) : 0;
    }

    private float Area => (Right - Left) * (Bottom - Top);
}
