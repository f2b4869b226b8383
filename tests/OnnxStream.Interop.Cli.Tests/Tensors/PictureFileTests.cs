using OnnxStream.Interop.Cli.Tensors;
using OnnxStream.Interop.Diffusion;

namespace OnnxStream.Interop.Cli.Tests.Tensors;

internal sealed class PictureFileTests
{
    [Test]
    public void The_declared_shape_decides_on_the_layout()
    {
        using TemporaryFolder folder = new();
        string file = Write(folder);
        using (Assert.EnterMultipleScope())
        {
            // Two pixels beside one another: 255,0,51 and 0,102,255.
            float[] planes = [1, 0, 0, 0.4f, 0.2f, 1];
            float[] pixels = [1, 0, 0.2f, 0, 0.4f, 1];
            Check(Load(file, [1, 3, 1, 2]), [1, 3, 1, 2], planes);
            Check(Load(file, [-1, 3, -1, -1]), [1, 3, 1, 2], planes);
            Check(Load(file, [3, 1, 2]), [3, 1, 2], planes);
            Check(Load(file, [-1, -1, -1, -1]), [1, 3, 1, 2], planes);
            Check(Load(file, [1, -1, -1, 3]), [1, 1, 2, 3], pixels);
            Check(Load(file, [1, 2, 3]), [1, 2, 3], planes: null);
            Check(Load(file, [2, 3, 1, 2]), [2, 3, 1, 2], [.. planes, .. planes]);
            Check(Load(file, [1, 2]), [1, 2], [0.299f + 0.114f * 0.2f, 0.587f * 0.4f + 0.114f]);
            Check(Load(file, null), [1, 3, 1, 2], planes);
        }
    }

    [Test]
    public void The_declared_size_is_made_of_the_picture()
    {
        using TemporaryFolder folder = new();
        RgbImage image = new(8, 4);
        image.Pixels.Fill(100);
        PngFile.Write(folder["grey.png"], image);
        Check(Load(folder["grey.png"], [1, 3, 3, 5]), [1, 3, 3, 5], [.. Enumerable.Repeat(100 / 255f, 45)]);

        // Left half white: what is in the middle of both is grey, and mirrored it is the same.
        for (int i = 0; i < 4 * 8; i++)
        {
            image.Pixels.Slice(3 * i, 3).Fill((byte)(i % 8 < 4 ? 255 : 0));
        }

        PngFile.Write(folder["half.png"], image);
        Check(Load(folder["half.png"], [1, 1, 1, 2]), [1, 1, 1, 2], planes: null);
        float[] row = Load(folder["half.png"], [1, 1, 1, 3]).Span<float>().ToArray();
        Assert.That(row[1], Is.EqualTo(0.5f).Within(1e-5));
        Assert.That(row[0] + row[2], Is.EqualTo(1f).Within(1e-5));
        Assert.That(row[0], Is.GreaterThan(0.9f));
    }

    [Test]
    public void Pixels_are_scaled_then_shifted_then_divided()
    {
        using TemporaryFolder folder = new();
        string file = Write(folder);
        Check(PictureFile.Load(file, Input(ElementType.Float32, [1, 3, 1, 2]), Open, new PictureOptions(1, [5, 2, 1], [2, 1, 10])), [1, 3, 1, 2], [125, -2.5f, -2, 100, 5, 25.4f]);
        TensorBuffer bytes = PictureFile.Load(file, Input(ElementType.UInt8, [1, -1, -1, 3]), Open, PictureOptions.Default);
        Assert.That(bytes.Bytes.ToArray(), Is.EqualTo(new byte[] { 255, 0, 51, 0, 102, 255 }));
        Assert.That(PictureFile.Load(file, Input(ElementType.Float16, [1, 3, 1, 2]), Open, PictureOptions.Default).Span<Half>()[0], Is.EqualTo((Half)1));
    }

    [Test]
    public void What_is_wrong_is_explained()
    {
        using TemporaryFolder folder = new();
        string file = Write(folder);
        File.WriteAllText(folder["text.png"], "no picture");
        File.WriteAllBytes(folder["cut.png"], File.ReadAllBytes(file)[..40]);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(() => Load(folder["text.png"], [1, 3, 1, 2]), Throws.TypeOf<ModelFormatException>().With.Message.Contains("no picture"));
            Assert.That(() => Load(folder["cut.png"], [1, 3, 1, 2]), Throws.TypeOf<ModelFormatException>());
            Assert.That(() => Load(folder["nowhere.png"], [1, 3, 1, 2]), Throws.TypeOf<FileNotFoundException>());
            Assert.That(() => Load(file, [1, 7, 1, 2]), Throws.TypeOf<UsageException>().With.Message.Contains("not the shape of pictures"));
            Assert.That(() => Load(file, [5]), Throws.TypeOf<UsageException>());
            Assert.That(() => PictureFile.Load(file, Input(ElementType.Float32, [1, 1, 1, 2]), Open, new PictureOptions(1, [5, 2, 1], [1])), Throws.TypeOf<UsageException>().With.Message.Contains("1 channels"));
            Assert.That(() => PictureFile.Load(file, Input(ElementType.Bool, [1, 3, 1, 2]), Open, PictureOptions.Default), Throws.TypeOf<UsageException>().With.Message.Contains("bool"));
        }
    }

    private static Dictionary<string, long> Open => [];

    private static string Write(TemporaryFolder folder)
    {
        RgbImage image = new(2, 1);
        ((byte[])[255, 0, 51, 0, 102, 255]).CopyTo(image.Pixels);
        PngFile.Write(folder["two.png"], image);
        return folder["two.png"];
    }

    private static ValueMetadata Input(ElementType type, long[]? dimensions) => new("image", type, dimensions is null ? null : [.. dimensions.Select(dimension => new Dimension(dimension))]);

    private static TensorBuffer Load(string file, long[]? dimensions) => PictureFile.Load(file, Input(ElementType.Float32, dimensions), Open, PictureOptions.Default);

    private static void Check(TensorBuffer tensor, long[] shape, float[]? planes)
    {
        Assert.That(tensor.Shape, Is.EqualTo(new Shape(shape)));
        Assert.That(tensor.Span<float>().ToArray(), planes is null ? Is.All.InRange(0, 1) : Is.EqualTo(planes).Within(1e-5));
    }
}
