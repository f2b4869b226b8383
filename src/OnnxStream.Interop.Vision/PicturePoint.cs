namespace OnnxStream.Interop.Vision;

/// <summary>A place in a picture.</summary>
/// <param name="X">Pixels from the left edge.</param>
/// <param name="Y">Pixels from the upper edge.</param>
public readonly record struct PicturePoint(float X, float Y)
{
    /// <summary>The distance to another place, in pixels.</summary>
    internal float DistanceTo(PicturePoint other) => MathF.Sqrt(((X - other.X) * (X - other.X)) + ((Y - other.Y) * (Y - other.Y)));
}
