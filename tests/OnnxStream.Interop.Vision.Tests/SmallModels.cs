using SkiaSharp;

namespace OnnxStream.Interop.Vision.Tests;

/// <summary>Models of a few numbers (Reference/make_models.py), and pictures for them.</summary>
internal static class SmallModels
{
    /// <summary>The path of a model.</summary>
    public static string Path(string name) => System.IO.Path.Combine(TestContext.CurrentContext.TestDirectory, "Reference", $"{name}.onnx");

    /// <summary>A picture of one colour with a rectangle of another.</summary>
    public static Picture Rectangle(int width, int height, SKColor ground, SKRect rectangle, SKColor color)
    {
        using SKSurface surface = SKSurface.Create(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Premul));
        surface.Canvas.Clear(ground);
        using SKPaint paint = new() { Color = color };
        surface.Canvas.DrawRect(rectangle, paint);
        return Picture.From(surface);
    }
}
