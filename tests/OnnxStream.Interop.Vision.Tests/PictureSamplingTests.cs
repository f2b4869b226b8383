using System.Text.Json;

namespace OnnxStream.Interop.Vision.Tests;

public class PictureSamplingTests
{
    private JsonDocument _reference = null!;
    private Picture _picture = null!;

    [OneTimeSetUp]
    public void Read()
    {
        _reference = JsonDocument.Parse(File.ReadAllText(Path.Combine(TestContext.CurrentContext.TestDirectory, "Reference", "samples.json")));
        _picture = new Picture(_reference.RootElement.GetProperty("width").GetInt32(), _reference.RootElement.GetProperty("height").GetInt32());

        // As in make_samples.py.
        for (int y = 0; y < _picture.Height; y++)
        {
            for (int x = 0; x < _picture.Width; x++)
            {
                Span<byte> pixel = _picture.Pixels.Slice(4 * ((y * _picture.Width) + x), 4);
                (pixel[0], pixel[1], pixel[2], pixel[3]) = ((byte)((x * 11) + (y * 3)), (byte)((x * x) + (7 * y)), (byte)(255 - (9 * x) + (y * y)), 255);
            }
        }
    }

    [OneTimeTearDown]
    public void Close() => _reference.Dispose();

    [TestCase("bilinear", 0.02)]
    [TestCase("antialiased", 0.51)]
    public void SizesAreThoseOfOpenCvAndPillow(string method, double tolerance)
    {
        foreach (JsonProperty item in _reference.RootElement.GetProperty(method).EnumerateObject())
        {
            int[] size = [.. item.Name.Split('x').Select(int.Parse)];
            float[] planes = method == "bilinear" ? PictureSampling.Bilinear(_picture, size[0], size[1]) : PictureSampling.Antialiased(_picture, size[0], size[1]);
            int area = size[0] * size[1];
            float[] pixels = [.. Enumerable.Range(0, 3 * area).Select(i => planes[(i % 3 * area) + (i / 3)])];

            // Pillow rounds to bytes, once for rows and once for columns.
            Assert.That(pixels, Is.EqualTo(item.Value.EnumerateArray().Select(number => number.GetDouble())).Within(method == "bilinear" ? tolerance : 2 * tolerance), item.Name);
        }
    }

    [Test]
    public void QuadrilateralsAreStraightenedAsByOpenCv()
    {
        PicturePoint[] corners = [.. _reference.RootElement.GetProperty("corners").EnumerateArray().Select(point => new PicturePoint(point[0].GetSingle(), point[1].GetSingle()))];
        Picture actual = PictureSampling.Straighten(_picture, corners, 16, 9);
        double[] expected = [.. _reference.RootElement.GetProperty("straightened").EnumerateArray().Select(number => number.GetDouble())];
        double[] pixels = [.. Enumerable.Range(0, expected.Length).Select(i => (double)actual.Pixels[(4 * (i / 3)) + (i % 3)])];

        // OpenCV rounds places to a 32nd of a pixel; this picture has steps of 250 where a colour begins anew.
        double[] differences = [.. pixels.Zip(expected, (a, b) => Math.Abs(a - b))];
        Assert.That(differences.Average(), Is.LessThan(1));
        Assert.That(differences.Max(), Is.LessThan(9));
    }

    [Test]
    public void TurningTwiceIsTurningAround()
    {
        Assert.That(PictureSampling.TurnLeft(PictureSampling.TurnLeft(_picture)).Pixels.ToArray(), Is.EqualTo(PictureSampling.TurnAround(_picture).Pixels.ToArray()));
        Picture left = PictureSampling.TurnLeft(_picture);
        Assert.That(left.Pixels[..4].ToArray(), Is.EqualTo(_picture.Pixels.Slice(4 * (_picture.Width - 1), 4).ToArray()));
    }
}
