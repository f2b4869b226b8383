using OnnxStream.Interop.Diffusion;
using StbImageSharp;

namespace OnnxStream.Interop.Server.Pictures;

/// <summary>Masks as OpenAI's clients draw them: transparent where a picture is drawn anew.</summary>
internal static class TransparentParts
{
    /// <summary>A mask as pipelines take it, white for what is drawn anew; null where nothing is transparent.</summary>
    /// <param name="file">A picture that was found to be small enough.</param>
    public static byte[]? ToMask(byte[] file)
    {
        ImageResult picture;
        try
        {
            picture = ImageResult.FromMemory(file, ColorComponents.RedGreenBlueAlpha);
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            // It has no exception type of its own; whoever reads the picture itself will say what is wrong with it.
            return null;
        }

        RgbImage mask = new(picture.Width, picture.Height);
        bool isTransparent = false;
        for (int i = 0; i < picture.Width * picture.Height; i++)
        {
            byte white = (byte)(255 - picture.Data[(i * 4) + 3]);
            isTransparent |= white > 0;
            mask.Pixels.Slice(i * 3, 3).Fill(white);
        }

        return isTransparent ? PngFile.Encode(mask) : null;
    }
}
