using System.Text.Json;
using SkiaSharp;

namespace OnnxStream.Interop.Vision.Tests;

public class ObjectDetectorTests
{
    [Test]
    public void ObjectsAreThoseThatOpenCvKeeps()
    {
        using JsonDocument reference = JsonDocument.Parse(File.ReadAllText(Path.Combine(TestContext.CurrentContext.TestDirectory, "Reference", "detections.json")));
        foreach (JsonElement item in reference.RootElement.EnumerateArray())
        {
            int classes = item.GetProperty("classes").GetInt32(), places = item.GetProperty("places").GetInt32(), side = item.GetProperty("side").GetInt32();
            int width = item.GetProperty("width").GetInt32(), height = item.GetProperty("height").GetInt32();
            float[] output = Output(item.GetProperty("seed").GetUInt32(), classes, places, side);
            (Letterbox box, _) = Letterbox.Fit(new Picture(width, height), side, side);
            IReadOnlyList<DetectedObject> found = ObjectDetector.Find(output, classes, places, box, width, height, new ObjectDetectorOptions());
            JsonElement[] expected = [.. item.GetProperty("objects").EnumerateArray()];
            Assert.That(found.Select(one => one.ClassIndex), Is.EqualTo(expected.Select(one => one.GetProperty("class").GetInt32())));
            Assert.That(found.Select(one => one.Score), Is.EqualTo(expected.Select(one => one.GetProperty("score").GetSingle())).Within(1e-4));
            Assert.That(
                found.SelectMany(one => (float[])[one.Left, one.Top, one.Right, one.Bottom]),
                Is.EqualTo(expected.SelectMany(one => one.GetProperty("box").EnumerateArray().Select(number => number.GetSingle()))).Within(0.01));
        }
    }

    [Test]
    public void AnObjectIsFoundWhereItIs()
    {
        // 400 by 200 pixels in a square of 128: 0.32 pixels for each, 32 rows above. The second cell of the second row is 100 to 200, and 0 to 100.
        Picture picture = SmallModels.Rectangle(400, 200, SKColors.White, new SKRect(100, 0, 200, 100), SKColors.Red);
        using ObjectDetector detector = new(SmallModels.Path("reds-detector"), new ObjectDetectorOptions { Labels = ["red", "blue"] });
        IReadOnlyList<DetectedObject> objects = detector.Detect(picture);
        Assert.That(objects, Has.Count.EqualTo(1));
        Assert.That((objects[0].Label, objects[0].Left, objects[0].Top, objects[0].Right, objects[0].Bottom), Is.EqualTo(("red", 100f, 0f, 200f, 100f)));
        Assert.That(objects[0].Score, Is.GreaterThan(0.99f));
        Picture marked = PictureMarks.Draw(picture, objects);
        Assert.That(marked.Pixels.ToArray(), Is.Not.EqualTo(picture.Pixels.ToArray()));
        marked.Save(Path.Combine(TestContext.CurrentContext.WorkDirectory, "marked.png"));
    }

    [Test]
    public void OutputsAreThoseOfOnnxRuntime()
    {
        Picture picture = SmallModels.Rectangle(333, 217, SKColors.LightGray, new SKRect(90, 10, 300, 180), SKColors.OrangeRed);
        (_, float[] planes) = Letterbox.Fit(picture, 128, 128);
        TensorBuffer input = new(ElementType.Float32, new Shape(1, 3, 128, 128));
        VisionModel.Normalize(planes, 128 * 128, [0, 1, 2], [0, 0, 0], [1, 1, 1], input.Span<float>());
        TensorBuffer expected = Oracle.Run(SmallModels.Path("reds-detector"), new Dictionary<string, TensorBuffer> { ["images"] = input })["output0"];
        using ObjectDetector detector = new(SmallModels.Path("reds-detector"), new ObjectDetectorOptions { Threshold = 0.001f });
        (Letterbox box, _) = Letterbox.Fit(picture, 128, 128);
        IReadOnlyList<DetectedObject> wanted = ObjectDetector.Find(expected.Span<float>(), 2, 16, box, 333, 217, new ObjectDetectorOptions { Threshold = 0.001f });
        IReadOnlyList<DetectedObject> found = detector.Detect(picture);
        Assert.That(found.Select(one => (one.ClassIndex, one.Left, one.Top)), Is.EqualTo(wanted.Select(one => (one.ClassIndex, one.Left, one.Top))));
        Assert.That(found.Select(one => one.Score), Is.EqualTo(wanted.Select(one => one.Score)).Within(1e-5));
    }

    [Test]
    public void ModelsOfOtherTasksAreRefused()
    {
        Assert.That(() => new ObjectDetector(SmallModels.Path("colours")), Throws.TypeOf<ModelFormatException>().With.Message.Contains("YOLOv8"));
        Assert.That(() => new ObjectDetector(SmallModels.Path("none")), Throws.TypeOf<FileNotFoundException>());
    }

    // As in make_detections.py.
    private static float[] Output(uint seed, int classes, int places, int side)
    {
        uint state = seed;
        float[] output = new float[(4 + classes) * places];
        for (int place = 0; place < places; place++)
        {
            int corner = (int)(Next() * 6);
            output[place] = (float)((side * (0.15 + (0.14 * corner))) + (20 * Next()));
            output[places + place] = (float)((side * (0.8 - (0.11 * corner))) + (20 * Next()));
            output[(2 * places) + place] = (float)(40 + (60 * Next()));
            output[(3 * places) + place] = (float)(30 + (80 * Next()));
            for (int c = 0; c < classes; c++)
            {
                output[((4 + c) * places) + place] = (float)Math.Pow(Next(), 3);
            }
        }

        return output;

        double Next()
        {
            state = (state * 1664525) + 1013904223;
            return state / 4294967296.0;
        }
    }
}
