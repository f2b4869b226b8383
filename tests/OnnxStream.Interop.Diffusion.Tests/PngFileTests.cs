using System.IO.Compression;
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

    [TestCase("a café\nSteps: 20")]
    [TestCase("ein Fuß, 猫 😀\nSteps: 20")]
    public void ReadParameters_ReadsWhatWriteWrites(string text)
    {
        using TemporaryFolder folder = new();
        PngFile.Write(folder.Combine("p.png"), new RgbImage(3, 2), text);
        Assert.That(PngFile.ReadParameters(folder.Combine("p.png")), Is.EqualTo(text));
    }

    [Test]
    public void ReadParameters_ReadsCompressedText()
    {
        using MemoryStream compressed = new();
        using (ZLibStream stream = new(compressed, CompressionMode.Compress, leaveOpen: true))
        {
            stream.Write(Encoding.UTF8.GetBytes("猫"));
        }

        byte[] data = [.. "parameters\0\u0001\0\0\0"u8, .. compressed.ToArray()];
        byte[] png = PngFile.Encode(new RgbImage(1, 1));
        byte[] length = BitConverter.GetBytes(data.Length);
        Array.Reverse(length);
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder.Combine("p.png"), [.. png[..33], .. length, .. "iTXt"u8, .. data, 0, 0, 0, 0, .. png[33..]]);
        Assert.That(PngFile.ReadParameters(folder.Combine("p.png")), Is.EqualTo("猫"));
    }

    [Test]
    public void ReadParameters_SaysWhatIsWrong()
    {
        using TemporaryFolder folder = new();
        PngFile.Write(folder.Combine("p.png"), new RgbImage(3, 2));
        byte[] png = PngFile.Encode(new RgbImage(3, 2));
        File.WriteAllBytes(folder.Combine("cut.png"), png[..^14]);
        _ = folder.Write("text.png", "text");
        Assert.Multiple(() =>
        {
            Assert.That(PngFile.ReadParameters(folder.Combine("p.png")), Is.Null);
            Assert.That(() => PngFile.ReadParameters(folder.Combine("cut.png")), Throws.TypeOf<ModelFormatException>().With.Message.Contains("cut off"));
            Assert.That(() => PngFile.ReadParameters(folder.Combine("text.png")), Throws.TypeOf<ModelFormatException>().With.Message.Contains("not a PNG"));
        });
    }
}
