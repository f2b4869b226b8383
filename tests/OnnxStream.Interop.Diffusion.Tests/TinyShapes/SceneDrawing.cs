namespace OnnxStream.Interop.Diffusion.Tests.TinyShapes;

/// <summary>Draws scenes as the training pictures were drawn: flat colours, edges one pixel wide.</summary>
internal static class SceneDrawing
{
    public static RgbImage Draw(Scene scene)
    {
        RgbImage image = new(Scene.PictureSize, Scene.PictureSize);
        for (int y = 0; y < image.Height; y++)
        {
            for (int x = 0; x < image.Width; x++)
            {
                (double red, double green, double blue) = (scene.Background.Red, scene.Background.Green, scene.Background.Blue);
                foreach (SceneObject item in scene.Objects)
                {
                    if (Math.Abs(x + 0.5 - item.X) > (1.2 * item.Radius) + 1 || Math.Abs(y + 0.5 - item.Y) > (1.2 * item.Radius) + 1)
                    {
                        continue;
                    }

                    double cover = Math.Clamp(0.5 - ShapeGeometry.Distance(item.Shape, x + 0.5 - item.X, y + 0.5 - item.Y, item.Radius), 0, 1);
                    red += (item.Colour.Red - red) * cover;
                    green += (item.Colour.Green - green) * cover;
                    blue += (item.Colour.Blue - blue) * cover;
                }

                Span<byte> pixel = image.Pixels.Slice(((y * image.Width) + x) * 3, 3);
                (pixel[0], pixel[1], pixel[2]) = ((byte)Math.Round(red), (byte)Math.Round(green), (byte)Math.Round(blue));
            }
        }

        return image;
    }
}
