namespace OnnxStream.Interop.Tests.Rewrites;

[NativeMemoryLeakCheck]
public class TileRowsTests
{
    private const string Tiled = "1 onnxstream.RowTiles";

    // LayerNormalization, GEGLU, a second product, the residual.
    private static PassTester FeedForward(long rows, int channels = 128, int hidden = 768, bool extraReader = false)
    {
        PassTester tester = new PassTester { Tolerance = 1e-3 }.Input("x", TestTensors.Floats(1, 1, rows, channels))
            .Constant("scale", TestTensors.Floats(2, channels)).Constant("shift", TestTensors.Floats(3, channels))
            .Constant("w", TestTensors.Random(ElementType.Float32, 4, -0.1, 0.1, channels, 2 * hidden)).Constant("b", TestTensors.Floats(5, 2 * hidden))
            .Constant("v", TestTensors.Random(ElementType.Float32, 6, -0.1, 0.1, hidden, channels)).Constant("c", TestTensors.Floats(7, channels))
            .Constant("parts", TestTensors.Integers(hidden, hidden))
            .Node("LayerNormalization", "x scale shift", "n").Node("MatMul", "n w", "p").Node("Add", "p b", "s").Node("Split", "s parts", "value g", ("axis", -1))
            .Node("Sigmoid", "g", "e").Node("Mul", "g e", "gate").Node("Mul", "value gate", "h").Node("MatMul", "h v", "q").Node("Add", "q c", "r").Node("Add", "r x", "y").Output("y");
        return extraReader ? tester.Node("ReduceMax", "h", "z", ("axes", new[] { 1 })).Output("z") : tester;
    }

    [TestCase(2800)]
    [TestCase(3000)]
    public void FeedForwardOfATransformer(int rows) => FeedForward(rows).Becomes(Tiled).Check();

    // Nothing is large.
    [Test]
    public void FewRows() => FeedForward(700).Has(0, "onnxstream.RowTiles").Check();

    // A number of rows that no number of tiles divides.
    [Test]
    public void PrimeNumberOfRows() => FeedForward(2801).Has(0, "onnxstream.RowTiles").Check();

    [Test]
    public void HiddenTensorIsReadElsewhere() => FeedForward(2800, extraReader: true).Has(0, "onnxstream.RowTiles").Check();

    // As in a text encoder: an activation between two products.
    [Test]
    public void Activation() =>
        new PassTester { Tolerance = 1e-3 }.Input("x", TestTensors.Floats(1, 2, 1500, 64)).Constant("w", TestTensors.Random(ElementType.Float32, 4, -0.1, 0.1, 64, 800)).Constant("b", TestTensors.Floats(5, 800))
            .Constant("v", TestTensors.Random(ElementType.Float32, 6, -0.1, 0.1, 800, 64))
            .Node("MatMul", "x w", "p").Node("Add", "p b", "s").Node("Sigmoid", "s", "e").Node("Mul", "s e", "h").Node("MatMul", "h v", "y").Output("y").Becomes(Tiled).Check();

    // What comes out is as large as what lies inside.
    [Test]
    public void NothingIsSaved() =>
        new PassTester { Tolerance = 1e-3 }.Input("x", TestTensors.Floats(1, 1, 2800, 64)).Constant("w", TestTensors.Random(ElementType.Float32, 4, -0.1, 0.1, 64, 800)).Constant("b", TestTensors.Floats(5, 800))
            .Node("MatMul", "x w", "p").Node("Add", "p b", "s").Node("Sigmoid", "s", "e").Node("Mul", "s e", "y").Output("y").Has(0, "onnxstream.RowTiles").Check();

    [Test]
    public void SavesMemoryAndUsesPanelStores([Values] bool store)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", FeedForward(2800).ToBytes());
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(1, 1, 2800, 128) };
        SessionOptions options = new() { ThreadCount = 2, PanelStore = store ? PanelStoreOptions.File(folder["panels"]) : PanelStoreOptions.Off };
        using InferenceSession session = new(path, options);
        using InferenceSession asWritten = new(path, options with { RewriteGraph = false, PanelStore = PanelStoreOptions.Off });
        Assert.That(TestTensors.RelativeRms(session.Run(inputs)["y"], asWritten.Run(inputs)["y"]), Is.LessThan(1e-5));
        Assert.That(session.Plan().ArenaBytes, Is.LessThan(asWritten.Plan().ArenaBytes / 2));
    }
}
