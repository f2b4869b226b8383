namespace OnnxStream.Interop.Vision;

/// <summary>A picture in a rectangle of another shape: as large as it fits, in the middle, on grey.</summary>
/// <param name="Scale">Pixels of the rectangle for each pixel of the picture.</param>
/// <param name="Left">Where the picture begins in the rectangle, in pixels.</param>
/// <param name="Top">The same, from above.</param>
internal readonly record struct Letterbox(float Scale, int Left, int Top)
{
    // What YOLO is trained with.
    private const float Grey = 114;

    /// <summary>Puts a picture into a rectangle; the planes are red, green and blue of 0 to 255.</summary>
    public static (Letterbox Box, float[] Planes) Fit(Picture picture, int width, int height)
    {
        float scale = MathF.Min((float)width / picture.Width, (float)height / picture.Height);
        int ownWidth = Math.Clamp((int)MathF.Round(picture.Width * scale), 1, width), ownHeight = Math.Clamp((int)MathF.Round(picture.Height * scale), 1, height);

        // As Ultralytics has it: an odd pixel goes to the right and below.
        int left = (int)MathF.Round(((width - ownWidth) / 2f) - 0.1f), top = (int)MathF.Round(((height - ownHeight) / 2f) - 0.1f);
        float[] own = PictureSampling.Bilinear(picture, ownWidth, ownHeight);
        float[] planes = new float[3 * width * height];
        Array.Fill(planes, Grey);
        for (int row = 0; row < 3 * ownHeight; row++)
        {
            (int channel, int y) = Math.DivRem(row, ownHeight);
            own.AsSpan(row * ownWidth, ownWidth).CopyTo(planes.AsSpan((((channel * height) + top + y) * width) + left));
        }

        return (new Letterbox(scale, left, top), planes);
    }
}
