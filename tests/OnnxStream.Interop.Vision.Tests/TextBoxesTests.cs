using System.Text.Json;

namespace OnnxStream.Interop.Vision.Tests;

public class TextBoxesTests
{
    [Test]
    public void BoxesAreThoseOfOpenCvAndClipper()
    {
        using JsonDocument reference = JsonDocument.Parse(File.ReadAllText(Path.Combine(TestContext.CurrentContext.TestDirectory, "Reference", "boxes.json")));
        int width = reference.RootElement.GetProperty("width").GetInt32(), height = reference.RootElement.GetProperty("height").GetInt32();
        foreach (JsonElement item in reference.RootElement.GetProperty("cases").EnumerateArray())
        {
            float[] map = SoftRectangles(width, height, [.. item.GetProperty("rectangles").EnumerateArray().Select(Numbers)]);
            List<TextBox> boxes = TextBoxes.Find(map, width, height, width, height, new OcrOptions());
            JsonElement[] expected = [.. item.GetProperty("boxes").EnumerateArray()];
            Assert.That(boxes, Has.Count.EqualTo(expected.Length));
            foreach (JsonElement box in expected)
            {
                double[] corners = [.. box.GetProperty("corners").EnumerateArray().SelectMany(Numbers)];
                TextBox found = boxes.MinBy(candidate => Distance(candidate, corners));
                double[] limited = [.. corners.Select((value, i) => Math.Clamp(value, 0, (i % 2 == 0 ? width : height) - 1))];
                Assert.That(found.Corners.SelectMany(corner => (double[])[corner.X, corner.Y]), Is.EqualTo(limited).Within(0.6));
                Assert.That(found.Score, Is.EqualTo(box.GetProperty("score").GetDouble()).Within(0.01));
            }
        }
    }

    [Test]
    public void LinesAreInTheOrderOfReading()
    {
        float[] map = SoftRectangles(300, 200, [[220, 40, 100, 14, 0, 0.99], [80, 43, 100, 14, 0, 0.99], [150, 120, 100, 14, 0, 0.99]]);
        float[] lefts = [.. TextBoxes.Find(map, 300, 200, 600, 400, new OcrOptions()).Select(box => box.Corners[0].X)];
        Assert.That(lefts, Has.Length.EqualTo(3));
        Assert.That(lefts[0], Is.LessThan(60));
        Assert.That(lefts[1], Is.GreaterThan(300));
    }

    [Test]
    public void NothingIsFoundInNothing()
    {
        Assert.That(TextBoxes.Find(new float[64 * 64], 64, 64, 64, 64, new OcrOptions()), Is.Empty);
        Assert.That(TextBoxes.Find(Enumerable.Repeat(float.NaN, 64 * 64).ToArray(), 64, 64, 64, 64, new OcrOptions()), Is.Empty);
    }

    private static double Distance(TextBox box, double[] corners) =>
        box.Corners.Select((corner, i) => Math.Abs(corner.X - corners[2 * i]) + Math.Abs(corner.Y - corners[(2 * i) + 1])).Sum();

    // As in make_boxes.py.
    private static float[] SoftRectangles(int width, int height, double[][] rectangles)
    {
        float[] map = new float[width * height];
        foreach (double[] rectangle in rectangles)
        {
            (double cx, double cy, double w, double h, double peak) = (rectangle[0], rectangle[1], rectangle[2], rectangle[3], rectangle[5]);
            (double sine, double cosine) = Math.SinCos(rectangle[4] / 180 * Math.PI);
            for (int i = 0; i < map.Length; i++)
            {
                (double x, double y) = ((i % width) - cx, (i / width) - cy);
                double edge = Math.Min((w / 2) - Math.Abs((x * cosine) + (y * sine)), (h / 2) - Math.Abs((y * cosine) - (x * sine)));
                map[i] = Math.Max(map[i], (float)(peak / (1 + Math.Exp(-edge))));
            }
        }

        return map;
    }

    private static double[] Numbers(JsonElement array) => [.. array.EnumerateArray().Select(number => number.GetDouble())];
}
