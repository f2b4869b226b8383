namespace OnnxStream.Interop.Vision;

/// <summary>Lines of text as PP-OCR's recognizer and classifier take them: of one height, blue, green and red, -1 to 1, filled up with 0 on the right.</summary>
internal static class TextLineInput
{
    /// <summary>The width that a line has at a height.</summary>
    public static int WidthFor(Picture line, int height) => Math.Max(1, (int)Math.Ceiling((double)height * line.Width / line.Height));

    /// <summary>Puts lines into one tensor, [N,3,height,width]; one that would be wider is squeezed.</summary>
    public static TensorBuffer Create(IReadOnlyList<Picture> lines, int height, int width)
    {
        TensorBuffer tensor = new(ElementType.Float32, new Shape(lines.Count, 3, height, width));
        Span<float> target = tensor.Span<float>();
        for (int i = 0; i < lines.Count; i++)
        {
            int own = Math.Min(width, WidthFor(lines[i], height));
            float[] planes = PictureSampling.Bilinear(lines[i], own, height);
            float[] numbers = new float[planes.Length];
            VisionModel.Normalize(planes, own * height, [2, 1, 0], [0.5f, 0.5f, 0.5f], [0.5f, 0.5f, 0.5f], numbers);
            for (int row = 0; row < 3 * height; row++)
            {
                numbers.AsSpan(row * own, own).CopyTo(target[((((i * 3 * height) + row) * width))..]);
            }
        }

        return tensor;
    }
}
