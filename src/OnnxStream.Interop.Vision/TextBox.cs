namespace OnnxStream.Interop.Vision;

/// <summary>A place where there seems to be a line of text.</summary>
/// <param name="Corners">The upper left, upper right, lower right and lower left corner.</param>
/// <param name="Score">How sure that is, 0 to 1.</param>
internal readonly record struct TextBox(PicturePoint[] Corners, float Score);
