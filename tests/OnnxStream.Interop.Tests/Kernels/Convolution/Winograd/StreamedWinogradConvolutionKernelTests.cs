namespace OnnxStream.Interop.Tests.Kernels;

/// <summary>Convolutions whose weights come from a panel store, compared with ONNX Runtime.</summary>
[NativeMemoryLeakCheck]
public class StreamedWinogradConvolutionKernelTests
{
    private const string Kernel = "streamed winograd convolution";

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void SetUp() => _folder = new TemporaryFolder();

    [TearDown]
    public void TearDown() => _folder.Dispose();

    // Images of two, borders that are no whole tiles, padding on some sides only, a last panel with fewer outputs.
    [TestCase(1, 320, 208, 30, 31, new[] { 1, 1, 1, 1 })]
    [TestCase(2, 200, 304, 33, 21, new[] { 1, 0, 0, 1 })]
    [TestCase(1, 64, 1024, 40, 30, new[] { 0, 0, 0, 0 })]
    [TestCase(1, 1920, 48, 30, 30, new[] { 1, 1, 1, 1 })]
    [TestCase(1, 256, 240, 14, 13, new[] { 1, 1, 1, 1 })]
    public void AgreesWithOnnxRuntime(int batch, int channels, int outputs, int height, int width, int[] pads)
    {
        TensorBuffer image = TestTensors.Floats(1, batch, channels, height, width);
        foreach (bool hasBias in new[] { false, true })
        {
            Check(Convolution(image, outputs, pads, hasBias), image, ElementType.Float32, ElementType.Float32, hasBias ? 3 : 1, 1e-5);
        }
    }

    // So many channels for so large an image that they are divided, and so many results in half precision that outputs are.
    [TestCase(ElementType.Float32, 1e-5)]
    [TestCase(ElementType.Float16, 2e-3)]
    public void SlicesAndGroups(ElementType activations, double tolerance)
    {
        TensorBuffer image = TestTensors.Floats(1, 1, 3, 44, 42);
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, 1, 3, 44, 42).Output("y")
            .Initializer("w0", TestTensors.Random(ElementType.Float32, 2, -0.2, 0.2, 1120, 3, 1, 1)).Node("Conv", "x w0", "a")
            .Initializer("w", TestTensors.Random(ElementType.Float32, 3, -0.03, 0.03, 400, 1120, 3, 3)).Initializer("b", TestTensors.Floats(4, 400)).Node("Conv", "a w b", "c", ("pads", new[] { 1, 1, 1, 1 }))
            .Initializer("w1", TestTensors.Random(ElementType.Float32, 5, -0.2, 0.2, 2, 400, 1, 1)).Node("Conv", "c w1", "y");
        Check(model, image, ElementType.Float32, activations, 2, tolerance);
    }

    // A limit on the results, panels that are stored in half precision, and a small image that the convolution doubles.
    [TestCase(ElementType.Float32, 1e-5)]
    [TestCase(ElementType.Float16, 2e-3)]
    public void ClampedAndUpsampled(ElementType panels, double tolerance)
    {
        TensorBuffer image = TestTensors.Floats(1, 1, 24, 18, 20);
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, 1, 24, 18, 20).Output("y")
            .Initializer("w0", TestTensors.Random(ElementType.Float32, 2, -0.2, 0.2, 256, 24, 1, 1)).Node("Conv", "x w0", "a")
            .Initializer("scales", TensorBuffer.Create<float>([1, 1, 2, 2], 4)).Node("Resize", "a - scales", "u", ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor"))
            .Initializer("w", TestTensors.Random(ElementType.Float32, 3, -0.1, 0.1, 240, 256, 3, 3)).Initializer("b", TestTensors.Floats(4, 240)).Node("Conv", "u w b", "c", ("pads", new[] { 1, 1, 1, 1 }))
            .Node("Relu", "c", "y");
        Check(model, image, panels, ElementType.Float32, 2, tolerance);
    }

    // Results that are a stripe of a wider tensor, which nothing is copied into.
    [TestCase(ElementType.Float32, 1e-5)]
    [TestCase(ElementType.Float16, 2e-3)]
    public void WritesAStripe(ElementType activations, double tolerance)
    {
        TensorBuffer image = TestTensors.Floats(1, 1, 24, 36, 40);
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, 1, 24, 36, 40).Output("y")
            .Initializer("w0", TestTensors.Random(ElementType.Float32, 2, -0.2, 0.2, 256, 24, 1, 1)).Node("Conv", "x w0", "a")
            .Initializer("w", TestTensors.Random(ElementType.Float32, 3, -0.1, 0.1, 240, 256, 3, 3)).Node("Conv", "a w", "c", ("pads", new[] { 1, 1, 1, 1 }))
            .Initializer("v", TestTensors.Random(ElementType.Float32, 4, -0.1, 0.1, 40, 256, 1, 1)).Node("Conv", "a v", "d").Node("Concat", "d c", "e", ("axis", 1))
            .Initializer("w1", TestTensors.Random(ElementType.Float32, 5, -0.2, 0.2, 5, 280, 1, 1)).Node("Conv", "e w1", "y");
        PlanSummary plan = Check(model, image, ElementType.Float32, activations, 2, tolerance);
        Assert.That(plan.Steps.Select(step => step.KernelName), Has.None.EqualTo("concatenate"));
    }

    // A store is made of weights: how activations are stored does not change it.
    [Test]
    public void OneStoreServesBothPrecisionsOfActivations()
    {
        string path = _folder.Write("model.onnx", Convolution(TestTensors.Floats(1, 1, 320, 60, 62), 320, [1, 1, 1, 1], hasBias: true).ToBytes());
        string store = _folder["shared.panels"];
        new InferenceSession(path, new SessionOptions { ThreadCount = 2, PanelStore = PanelStoreOptions.File(store) }).Dispose();
        File.SetLastWriteTimeUtc(store, DateTime.UnixEpoch);
        using InferenceSession session = new(path, new SessionOptions { ThreadCount = 2, PanelStore = PanelStoreOptions.File(store), ActivationElementType = ElementType.Float16 });
        Assert.That(session.Plan().Steps.Select(step => step.KernelName), Does.Contain(Kernel));
        Assert.That(File.GetLastWriteTimeUtc(store), Is.EqualTo(DateTime.UnixEpoch));
    }

    // Without room for a store, or without a store, another kernel computes it.
    [Test]
    public void NeedsAStore()
    {
        string path = _folder.Write("model.onnx", Convolution(TestTensors.Floats(1, 1, 320, 30, 31), 208, [1, 1, 1, 1], hasBias: true).ToBytes());
        using InferenceSession session = new(path, new SessionOptions { ThreadCount = 1 });
        Assert.That(session.Plan().Steps.Select(step => step.KernelName), Does.Not.Contain(Kernel).And.Contains("winograd convolution"));
    }

    private static ModelBuilder Convolution(TensorBuffer image, int outputs, int[] pads, bool hasBias)
    {
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, image.Shape.ToArray()).Output("y")
            .Initializer("w", TestTensors.Random(ElementType.Float32, 2, -0.1, 0.1, outputs, image.Shape[1], 3, 3));
        return hasBias
            ? model.Initializer("b", TestTensors.Floats(3, outputs)).Node("Conv", "x w b", "y", ("pads", pads))
            : model.Node("Conv", "x w", "y", ("pads", pads));
    }

    private PlanSummary Check(ModelBuilder model, TensorBuffer image, ElementType panels, ElementType activations, int threads, double tolerance)
    {
        byte[] bytes = model.ToBytes();
        string path = _folder.Write("model.onnx", bytes);
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = image };
        TensorBuffer expected = Oracle.Run(bytes, inputs)["y"];
        string store = _folder[$"{Guid.NewGuid()}.panels"];
        PlanSummary? plan = null;
        for (int session = 0; session < 2; session++)
        {
            using InferenceSession stored = new(path, new SessionOptions
            {
                ThreadCount = threads,
                PanelStore = PanelStoreOptions.File(store) with { ElementType = panels },
                ActivationElementType = activations,
            });
            plan = stored.Plan();
            Assert.That(plan.Steps.Select(step => step.KernelName), Does.Contain(Kernel));
            for (int run = 0; run < 2; run++)
            {
                Assert.That(TestTensors.RelativeRms(stored.Run(inputs)["y"], expected), Is.LessThan(tolerance));
            }
        }

        return plan!;
    }
}
