using SkiaSharp;

namespace OnnxStream.Interop.Vision;

/// <summary>Draws what was found upon a picture.</summary>
public static class PictureMarks
{
    // One after the other, far apart in hue.
    private static readonly SKColor[] s_colors =
    [
        new(0xE6, 0x19, 0x4B), new(0x00, 0x82, 0xC8), new(0x3C, 0xB4, 0x4B), new(0xF5, 0x82, 0x31), new(0x91, 0x1E, 0xB4), new(0x00, 0x80, 0x80), new(0xAA, 0x6E, 0x28), new(0x80, 0x00, 0x00),
    ];

    /// <summary>A copy of a picture with a frame around each line, and the line's number beside it.</summary>
    /// <param name="picture">The picture.</param>
    /// <param name="lines">What was read in it.</param>
    public static Picture Draw(Picture picture, IReadOnlyList<OcrLine> lines)
    {
        ArgumentNullException.ThrowIfNull(picture);
        ArgumentNullException.ThrowIfNull(lines);
        return Draw(picture, [.. lines.Select((line, i) => (line.Corners, $"{i + 1}", s_colors[i % s_colors.Length]))]);
    }

    /// <summary>A copy of a picture with a frame around each object, and its class and score above it.</summary>
    /// <param name="picture">The picture.</param>
    /// <param name="objects">What was found in it.</param>
    public static Picture Draw(Picture picture, IReadOnlyList<DetectedObject> objects)
    {
        ArgumentNullException.ThrowIfNull(picture);
        ArgumentNullException.ThrowIfNull(objects);
        return Draw(picture, [.. objects.Select(found => (
            (IReadOnlyList<PicturePoint>)[new(found.Left, found.Top), new(found.Right, found.Top), new(found.Right, found.Bottom), new(found.Left, found.Bottom)],
            $"{found.Label} {found.Score:0.00}",
            s_colors[found.ClassIndex % s_colors.Length]))]);
    }

    private static Picture Draw(Picture picture, IReadOnlyList<(IReadOnlyList<PicturePoint> Corners, string Label, SKColor Color)> marks) => picture.Draw(canvas =>
    {
        // Visible in large pictures, and not in the way in small ones.
        float unit = Math.Max(1, Math.Max(picture.Width, picture.Height) / 640f);
        using SKPaint frame = new() { Style = SKPaintStyle.Stroke, StrokeWidth = 2 * unit, IsAntialias = true, StrokeJoin = SKStrokeJoin.Round };
        using SKPaint ground = new() { IsAntialias = true };
        using SKPaint ink = new() { Color = SKColors.White, IsAntialias = true };
        using SKTypeface? typeface = SKTypeface.FromFamilyName(null);
        using SKFont font = new(typeface ?? SKTypeface.Default, 12 * unit);
        foreach ((IReadOnlyList<PicturePoint> corners, string label, SKColor color) in marks)
        {
            (frame.Color, ground.Color) = (color, color);
            using SKPath outline = new();
            outline.MoveTo(corners[0].X, corners[0].Y);
            foreach (PicturePoint corner in corners.Skip(1))
            {
                outline.LineTo(corner.X, corner.Y);
            }

            outline.Close();
            canvas.DrawPath(outline, frame);
            float width = font.MeasureText(label) + (6 * unit), height = 15 * unit;

            // Above the frame, or inside of it where there is no room above.
            float left = Math.Clamp(corners[0].X - unit, 0, Math.Max(0, picture.Width - width)), top = corners[0].Y >= height ? corners[0].Y - height : corners[0].Y;
            canvas.DrawRect(left, top, width, height, ground);
            canvas.DrawText(label, left + (3 * unit), top + (12 * unit), font, ink);
        }
    });
}
