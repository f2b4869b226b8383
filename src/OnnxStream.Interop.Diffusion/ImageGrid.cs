namespace OnnxStream.Interop.Diffusion;

/// <summary>Puts several pictures of one size into one.</summary>
public static class ImageGrid
{
    /// <summary>Arranges pictures row by row; what they do not fill is black.</summary>
    /// <param name="images">The pictures, all of one size.</param>
    /// <param name="columns">The number of pictures in a row.</param>
    /// <exception cref="ArgumentException">There are no pictures, or their sizes differ.</exception>
    public static RgbImage Arrange(IReadOnlyList<RgbImage> images, int columns)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(columns);
        if (images.Count == 0)
        {
            throw new ArgumentException("A grid needs at least one picture.", nameof(images));
        }

        int width = images[0].Width, height = images[0].Height;
        columns = Math.Min(columns, images.Count);
        int rows = (images.Count + columns - 1) / columns;
        RgbImage grid = new(checked(columns * width), checked(rows * height));
        for (int i = 0; i < images.Count; i++)
        {
            RgbImage image = images[i];
            if (image.Width != width || image.Height != height)
            {
                throw new ArgumentException($"Picture {i} has {image.Width}x{image.Height} pixels, the first {width}x{height}.", nameof(images));
            }

            int left = i % columns * width, top = i / columns * height;
            for (int y = 0; y < height; y++)
            {
                image.Pixels.Slice(y * width * 3, width * 3).CopyTo(grid.Pixels[((((top + y) * grid.Width) + left) * 3)..]);
            }
        }

        return grid;
    }
}
