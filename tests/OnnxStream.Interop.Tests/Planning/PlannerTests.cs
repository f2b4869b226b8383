namespace OnnxStream.Interop.Tests.Planning;

[NativeMemoryLeakCheck]
public class PlannerTests
{
    // A view of a part must not be overwritten by a result that is larger: later rows are still computed from it.
    [TestCase("Sub", "p c")]
    [TestCase("Sub", "c p")]
    [TestCase("Mod", "p c")]
    public void PartOfABufferIsNotWorkedOnInPlace(string operatorType, string inputs)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, 2, 37).Output("y").Initializer("c", TestTensors.Floats(2, 2, 1))
            .Initializer("from", TensorBuffer.Create<long>([0], 1)).Initializer("to", TensorBuffer.Create<long>([1], 1))
            .Node("Sin", "x", "a").Node("Slice", "a from to", "p").Node(operatorType, inputs, "y", operatorType == "Mod" ? [("fmod", 1L)] : []).ToBytes());
        Dictionary<string, TensorBuffer> feeds = new() { ["x"] = TestTensors.Floats(1, 2, 37) };
        using InferenceSession session = new(path);
        Assert.That(TestTensors.RelativeRms(session.Run(feeds)["y"], Oracle.Run(path, feeds)["y"]), Is.LessThan(1e-5));
    }

    // The second convolution's data is read by nobody else, and its results grow over it; tiles that Winograd's algorithm would spoil are computed while their data is still there.
    [TestCase(1, ElementType.Float32, 1e-5)]
    [TestCase(2, ElementType.Float32, 1e-5)]
    [TestCase(2, ElementType.Float16, 2e-3)]
    [TestCase(2, ElementType.Int8, 0.03)]
    public void ConvolutionsOfLargeImagesWriteOverTheirData(int threads, ElementType activations, double tolerance)
    {
        const int Height = 401;
        const int Width = 330;
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, 1, 4, Height, Width).Output("y").Initializer("w0", TestTensors.Floats(1, 64, 4, 1, 1)).Initializer("w1", TestTensors.Floats(2, 64, 64, 3, 3))
            .Initializer("w2", TestTensors.Floats(3, 48, 64, 3, 3)).Initializer("w3", TestTensors.Floats(4, 32, 48, 1, 1)).Node("Conv", "x w0", "a").Node("Conv", "a w1", "b", ("pads", new[] { 1, 1, 1, 1 }))
            .Node("Conv", "b w2", "c", ("pads", new[] { 1, 1, 1, 1 })).Node("Conv", "c w3", "y").ToBytes());
        TensorBuffer data = TestTensors.Floats(5, 1, 4, Height, Width);
        data.Span<float>()[150 * Width + 77] = 1e4f;
        Dictionary<string, TensorBuffer> feeds = new() { ["x"] = data };
        using InferenceSession session = new(path, new SessionOptions { ThreadCount = threads, ActivationElementType = activations });
        PlanSummary plan = session.Plan();
        Assert.That(plan.Steps.Count(step => step.KernelName == "winograd convolution"), Is.EqualTo(2));

        // Two images of 64 channels, and what convolutions need besides.
        Assert.That(plan.ArenaBytes, activations == ElementType.Float32 ? Is.LessThan(2L * 64 * Height * Width * sizeof(float)) : Is.Positive);
        TensorBuffer expected = Oracle.Run(path, feeds)["y"];
        Assert.That(TestTensors.RelativeRms(session.Run(feeds)["y"], expected), Is.LessThan(tolerance));
        Assert.That(TestTensors.RelativeRms(session.Run(feeds)["y"], expected), Is.LessThan(tolerance));

        // What does not depend on the large number keeps its digits.
        Span<float> ours = session.Run(feeds)["y"].Span<float>();
        Span<float> theirs = expected.Span<float>();
        for (int i = 0; i < 100 * Width && activations == ElementType.Float32; i += 97)
        {
            Assert.That(ours[i], Is.EqualTo(theirs[i]).Within(0.5));
        }

        data.Span<float>()[300 * Width + 100] = float.PositiveInfinity;
        TensorBuffer spoiled = session.Run(feeds)["y"];
        Assert.That(float.IsFinite(spoiled.Span<float>()[300 * Width + 100]), Is.False);
        Assert.That(float.IsFinite(spoiled.Span<float>()[200 * Width + 100]), Is.True);
    }
}
