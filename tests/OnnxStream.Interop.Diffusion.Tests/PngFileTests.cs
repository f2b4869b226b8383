using System.Text;

namespace OnnxStream.Interop.Diffusion.Tests;

public class PngFileTests
{
    [TestCase(1, 1)]
    [TestCase(7, 3)]
    [TestCase(64, 64)]
    [TestCase(200, 130)]
    public void Encode_KeepsEveryPixel(int width, int height)
    {
        RgbImage image = new(width, height);
        new Random(width).NextBytes(image.Pixels[(image.Pixels.Length / 2)..]);
        (RgbImage decoded, IReadOnlyList<(string Type, byte[] Data)> chunks) = PngDecoder.Decode(PngFile.Encode(image, "text"));
        Assert.Multiple(() =>
        {
            Assert.That((decoded.Width, decoded.Height), Is.EqualTo((width, height)));
            Assert.That(decoded.Pixels.SequenceEqual(image.Pixels));
            Assert.That(chunks[1].Type, Is.EqualTo("tEXt"));
        });
    }

    [Test]
    public void Encode_WritesParametersAsLatin1()
    {
        (_, IReadOnlyList<(string Type, byte[] Data)> chunks) = PngDecoder.Decode(PngFile.Encode(new RgbImage(2, 2), "a café\r\nSteps: 20\0"));
        (string type, byte[] data) = chunks.Single(chunk => chunk.Type is "tEXt" or "iTXt");
        Assert.Multiple(() =>
        {
            Assert.That(type, Is.EqualTo("tEXt"));
            Assert.That(data, Is.EqualTo(Encoding.Latin1.GetBytes("parameters\0a café\nSteps: 20 ")));
        });
    }

    [Test]
    public void Encode_WritesParametersAsUtf8WhereLatin1LacksACharacter()
    {
        (_, IReadOnlyList<(string Type, byte[] Data)> chunks) = PngDecoder.Decode(PngFile.Encode(new RgbImage(2, 2), "ein Fuß, 猫 😀"));
        (string type, byte[] data) = chunks.Single(chunk => chunk.Type is "tEXt" or "iTXt");
        Assert.Multiple(() =>
        {
            Assert.That(type, Is.EqualTo("iTXt"));
            Assert.That(data, Is.EqualTo(Encoding.UTF8.GetBytes("parameters\0\0\0\0\0ein Fuß, 猫 😀")));
        });
    }

    [Test]
    public void Encode_LeavesParametersOut() =>
        Assert.That(PngDecoder.Decode(PngFile.Encode(new RgbImage(2, 2))).Chunks.Select(chunk => chunk.Type), Is.EqualTo((string[])["IHDR", "IDAT", "IEND"]));

    [Test]
    public void Write_ReplacesTheFileAndLeavesNothingElse()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("picture.png", "something else");
        RgbImage image = new(3, 2);
        PngFile.Write(path, image, "text");
        Assert.Multiple(() =>
        {
            Assert.That(File.ReadAllBytes(path), Is.EqualTo(PngFile.Encode(image, "text")));
            Assert.That(Directory.GetFiles(folder.FullPath), Is.EqualTo((string[])[path]));
        });
    }

    [Test]
    public void Write_LeavesNothingBehindWhenItFails()
    {
        using TemporaryFolder folder = new();
        string path = folder.Combine("picture.png");
        _ = Directory.CreateDirectory(path);
        Assert.That(() => PngFile.Write(path, new RgbImage(1, 1)), Throws.InstanceOf<IOException>().Or.InstanceOf<UnauthorizedAccessException>());
        Assert.That(Directory.GetFiles(folder.FullPath), Is.Empty);
    }
}
