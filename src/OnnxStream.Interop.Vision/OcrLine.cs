namespace OnnxStream.Interop.Vision;

/// <summary>A line of text that was read.</summary>
/// <param name="Text">The text.</param>
/// <param name="Score">How sure it is, 0 to 1: the mean of its characters.</param>
/// <param name="Corners">Where it is: its corners in the picture, the upper left one first, with the clock.</param>
/// <param name="IsUpsideDown">Whether it was turned around to be read.</param>
public sealed record OcrLine(string Text, float Score, IReadOnlyList<PicturePoint> Corners, bool IsUpsideDown);
