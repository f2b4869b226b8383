using SkiaSharp;

namespace OnnxStream.Interop.Vision.Tests;

public class PictureTests
{
    [Test]
    public void WhatIsSavedIsLoaded()
    {
        using TemporaryFolder folder = new();
        Picture picture = new(5, 3);
        for (int i = 0; i < picture.Pixels.Length; i++)
        {
            picture.Pixels[i] = (byte)(i % 4 == 3 ? 255 : i * 7);
        }

        picture.Save(folder["a.png"]);
        Picture loaded = Picture.Load(folder["a.png"]);
        Assert.That((loaded.Width, loaded.Height), Is.EqualTo((5, 3)));
        Assert.That(loaded.Pixels.ToArray(), Is.EqualTo(picture.Pixels.ToArray()));
        Assert.That(Directory.GetFiles(folder.Path), Has.Length.EqualTo(1));
    }

    [Test]
    public void APhotoIsTurnedAsItsCameraWasHeld()
    {
        // A JPEG of 16 by 8 pixels, the left half black, with an Exif orientation of 6: to be turned by a quarter with the clock.
        using SKBitmap bitmap = new(16, 8);
        bitmap.Erase(SKColors.White);
        bitmap.Erase(SKColors.Black, new SKRectI(0, 0, 8, 8));
        using SKData data = bitmap.Encode(SKEncodedImageFormat.Jpeg, 95);
        byte[] jpeg = data.ToArray();
        byte[] exif = [0xFF, 0xE1, 0, 34, .. "Exif"u8, 0, 0, .. "MM"u8, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0];
        using MemoryStream stream = new([.. jpeg[..2], .. exif, .. jpeg[2..]]);
        Picture picture = Picture.Load(stream, "photo.jpg");
        Assert.That((picture.Width, picture.Height), Is.EqualTo((8, 16)));
        Assert.That(picture.Pixels[0], Is.LessThan(30));
        Assert.That(picture.Pixels[^4], Is.GreaterThan(225));
    }

    [Test]
    public void WhatIsNoPictureIsRefused()
    {
        using TemporaryFolder folder = new();
        Assert.That(() => Picture.Load(folder["none.png"]), Throws.TypeOf<FileNotFoundException>());
        Assert.That(() => Picture.Load(folder.Write("text.png", "hello")), Throws.TypeOf<ModelFormatException>().With.Message.Contains("no picture"));
        new Picture(100, 100).Save(folder["a.png"]);
        byte[] bytes = File.ReadAllBytes(folder["a.png"]);
        Assert.That(() => Picture.Load(folder.Write("half.png", bytes.AsSpan(0, bytes.Length / 2))), Throws.TypeOf<ModelFormatException>().With.Message.Contains("damaged"));
    }

    [Test]
    public void APictureThatIsTooLargeIsRefusedBeforeItIsRead()
    {
        // A PNG header that promises 20,000 by 20,000 pixels.
        byte[] png = [0x89, .. "PNG\r\n\u001a\n"u8, 0, 0, 0, 13, .. "IHDR"u8, 0, 0, 0x4E, 0x20, 0, 0, 0x4E, 0x20, 8, 2, 0, 0, 0];
        byte[] crc = System.IO.Hashing.Crc32.Hash(png.AsSpan(12, 17));
        Array.Reverse(crc);
        using MemoryStream stream = new([.. png, .. crc, 0, 0, 0, 0, .. "IDAT"u8, 0x35, 0xAF, 0x06, 0x1E]);
        Assert.That(() => Picture.Load(stream, "large.png"), Throws.TypeOf<ModelFormatException>().With.Message.Contains("20,000 by 20,000"));
        Assert.That(() => new Picture(20_000, 20_000), Throws.TypeOf<ArgumentOutOfRangeException>());
    }
}
