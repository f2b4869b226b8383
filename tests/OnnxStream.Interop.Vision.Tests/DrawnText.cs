using SkiaSharp;

namespace OnnxStream.Interop.Vision.Tests;

/// <summary>Pictures with text.</summary>
internal static class DrawnText
{
    /// <summary>A line of text.</summary>
    /// <param name="Text">The text.</param>
    /// <param name="X">Its left end.</param>
    /// <param name="Y">Its baseline.</param>
    /// <param name="Size">The height of the font in pixels.</param>
    /// <param name="Degrees">How far it is turned with the clock, around its left end.</param>
    public readonly record struct Line(string Text, float X, float Y, float Size, float Degrees = 0);

    /// <summary>Draws lines in black on white, or in other colours.</summary>
    public static Picture Draw(int width, int height, SKTypeface font, IEnumerable<Line> lines, SKColor? ink = null, SKColor? paper = null)
    {
        using SKSurface surface = SKSurface.Create(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Premul));
        surface.Canvas.Clear(paper ?? SKColors.White);
        using SKPaint paint = new() { Color = ink ?? SKColors.Black, IsAntialias = true };
        foreach (Line line in lines)
        {
            using SKFont sized = new(font, line.Size) { Subpixel = true };
            surface.Canvas.Save();
            surface.Canvas.RotateDegrees(line.Degrees, line.X, line.Y);
            surface.Canvas.DrawText(line.Text, line.X, line.Y, sized, paint);
            surface.Canvas.Restore();
        }

        return Picture.From(surface);
    }

    /// <summary>How many letters must be changed, added or left out to make one text of another (Levenshtein).</summary>
    public static int Edits(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int above = row[j];
                row[j] = Math.Min(Math.Min(row[j] + 1, row[j - 1] + 1), diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }

        return row[b.Length];
    }
}
