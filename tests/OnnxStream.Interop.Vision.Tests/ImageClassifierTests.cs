using SkiaSharp;

namespace OnnxStream.Interop.Vision.Tests;

public class ImageClassifierTests
{
    private static readonly ImageClassifierOptions s_colours = new() { Labels = ["red", "green", "blue"], Side = 32 };

    [TestCase(220, 30, 30, "red")]
    [TestCase(30, 220, 30, "green")]
    [TestCase(30, 30, 220, "blue")]
    public void TheMiddleOfAPictureIsClassified(byte red, byte green, byte blue, string expected)
    {
        // Left and right of the square in the middle there is another colour.
        Picture picture = SmallModels.Rectangle(300, 100, SKColors.Gray, new SKRect(90, 0, 210, 100), new SKColor(red, green, blue));
        using ImageClassifier classifier = new(SmallModels.Path("colours"), s_colours);
        IReadOnlyList<ImageClass> classes = classifier.Classify(picture);
        Assert.That(classes, Has.Count.EqualTo(3));
        Assert.That(classes[0].Label, Is.EqualTo(expected));
        Assert.That(classes.Sum(one => one.Probability), Is.EqualTo(1).Within(1e-5));
        Assert.That(classes.Select(one => one.Probability), Is.Ordered.Descending);
        Assert.That(classes[0].Probability, Is.GreaterThan(0.95f));
        using ImageClassifier swapped = new(SmallModels.Path("colours"), s_colours with { IsBlueFirst = true });
        Assert.That(swapped.Classify(picture, 1)[0].Label, Is.EqualTo(expected switch { "red" => "blue", "blue" => "red", _ => "green" }));
    }

    [Test]
    public void LabelsOfAnotherModelAreRefused()
    {
        using ImageClassifier classifier = new(SmallModels.Path("colours"), new ImageClassifierOptions { Labels = ["a", "b"] });
        Assert.That(() => classifier.Classify(new Picture(10, 10)), Throws.ArgumentException.With.Message.Contains("2 labels").And.Message.Contains("3 classes"));
    }

    [Test]
    public void ModelsOfOtherTasksAreRefused() =>
        Assert.That(() => new ImageClassifier(SmallModels.Path("reds-detector")), Throws.TypeOf<ModelFormatException>().With.Message.Contains("classes of pictures"));

    // The trained ResNet18 that ML.NET brings ends before its classes: its 512 features are alike where pictures are.
    [Test]
    public void FeaturesOfResNetAreThoseOfOnnxRuntime()
    {
        string path = NuGetPackage.Restore("Microsoft.ML.DnnImageFeaturizer.ResNet18", "0.23.1").File("tools/DnnImageModels/ResNet18Onnx/ResNet18.onnx");

        // As CNTK trains: blue, green and red of 0 to 255, less 128.
        const float Unit = 1f / 255;
        using ImageClassifier network = new(path, new ImageClassifierOptions { IsBlueFirst = true, Mean = [0.5f, 0.5f, 0.5f], Deviation = [Unit, Unit, Unit] });
        Picture one = SmallModels.Rectangle(300, 250, SKColors.SkyBlue, new SKRect(100, 80, 200, 180), SKColors.DarkRed);
        Picture like = SmallModels.Rectangle(300, 250, SKColors.LightSkyBlue, new SKRect(95, 85, 205, 180), SKColors.Firebrick);
        Picture other = new(300, 250);
        Random random = new(5);
        random.NextBytes(other.Pixels);
        float[] features = network.Compute(one);
        float[] expected = Oracle.Run(path, new Dictionary<string, TensorBuffer> { ["Input247"] = network.Prepare(one) }).Values.Single().Span<float>().ToArray();
        Assert.That(features, Has.Length.EqualTo(512));
        Assert.That(features, Is.EqualTo(expected).Within(1e-3f * expected.Max()));
        float near = System.Numerics.Tensors.TensorPrimitives.CosineSimilarity<float>(features, network.Compute(like)), far = System.Numerics.Tensors.TensorPrimitives.CosineSimilarity<float>(features, network.Compute(other));
        Assert.That(near, Is.GreaterThan(far + 0.1f));
    }
}
