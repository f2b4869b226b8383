namespace OnnxStream.Interop.Tests.Weights;

[NativeMemoryLeakCheck]
public class PanelStoreTests
{
    private TemporaryFolder _folder = null!;
    private string _model = null!;
    private string _store = null!;
    private Dictionary<string, TensorBuffer> _inputs = null!;
    private TensorBuffer _expected = null!;

    [SetUp]
    public void SetUp()
    {
        _folder = new TemporaryFolder();
        _store = _folder["model.panels"];
        _model = _folder.Write("model.onnx", BuildModel(seed: 1));
        _inputs = new() { ["x"] = TestTensors.Floats(5, 1, 24, 9, 7) };
        _expected = Run(PanelStoreOptions.Off);
    }

    [TearDown]
    public void TearDown() => _folder.Dispose();

    [Test]
    public void StoredPanelsGiveTheSameBits()
    {
        TensorBuffer first = Run(PanelStoreOptions.File(_store));
        Assert.That(File.Exists(_store), Is.True);
        Assert.That(first.Bytes.SequenceEqual(_expected.Bytes), Is.True);
    }

    [Test]
    public void StoreIsUsedAgain()
    {
        Run(PanelStoreOptions.File(_store));
        byte[] written = File.ReadAllBytes(_store);
        DateTime time = File.GetLastWriteTimeUtc(_store);
        TensorBuffer again = Run(PanelStoreOptions.File(_store));
        Assert.That(File.GetLastWriteTimeUtc(_store), Is.EqualTo(time));
        Assert.That(File.ReadAllBytes(_store), Is.EqualTo(written));
        Assert.That(again.Bytes.SequenceEqual(_expected.Bytes), Is.True);
    }

    [Test]
    public void HalfPrecisionIsClose()
    {
        TensorBuffer actual = Run(PanelStoreOptions.File(_store) with { ElementType = ElementType.Float16 });
        Assert.That(TestTensors.RelativeRms(actual, _expected), Is.GreaterThan(0).And.LessThan(2e-3));
        long half = new FileInfo(_store).Length;
        File.Delete(_store);
        Run(PanelStoreOptions.File(_store));
        Assert.That(half, Is.LessThan(new FileInfo(_store).Length));
    }

    // Winograd's transformed kernels are stored, too.
    [TestCase(ElementType.Float32, 0.0)]
    [TestCase(ElementType.Float16, 2e-3)]
    public void LargeConvolution(ElementType type, double tolerance)
    {
        string model = _folder.Write("large.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, 1, 24, 33, 31).Output("y")
            .Initializer("w", TestTensors.Floats(6, 1100, 24, 3, 3)).Initializer("b", TestTensors.Floats(7, 1100)).Node("Conv", "x w b", "y", ("pads", new[] { 1, 1, 1, 1 })).ToBytes());
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(5, 1, 24, 33, 31) };
        using InferenceSession packing = new(model, new SessionOptions { ThreadCount = 2 });
        TensorBuffer expected = packing.Run(inputs)["y"];
        for (int i = 0; i < 2; i++)
        {
            using InferenceSession session = new(model, new SessionOptions { ThreadCount = 2, PanelStore = PanelStoreOptions.File(_store) with { ElementType = type } });
            Assert.That(TestTensors.RelativeRms(session.Run(inputs)["y"], expected), Is.LessThanOrEqualTo(tolerance));
        }
    }

    [Test]
    public void StoreOfAnotherModelIsMadeAgain()
    {
        Run(PanelStoreOptions.File(_store));
        File.WriteAllBytes(_model, BuildModel(seed: 2));
        File.SetLastWriteTimeUtc(_model, DateTime.UtcNow.AddMinutes(1));
        TensorBuffer expected = Run(PanelStoreOptions.Off);
        Assert.That(expected.Bytes.SequenceEqual(_expected.Bytes), Is.False);
        Assert.That(Run(PanelStoreOptions.File(_store)).Bytes.SequenceEqual(expected.Bytes), Is.True);
    }

    [TestCase("the bias in a file of its own")]
    [TestCase("the scale of 8-bit numbers")]
    [TestCase("a link to another file")]
    public void StoreOfAChangedFolderIsMadeAgain(string change)
    {
        string model = Path.Combine(_folder.Path, "text");
        Directory.CreateDirectory(model);
        Describe("0.01");
        File.WriteAllBytes(Path.Combine(model, "w.bin"), [.. Enumerable.Range(0, 12000).Select(i => (byte)(i * 7))]);
        _folder.Write("first", TestTensors.Floats(1, 300).Bytes);
        _folder.Write("second", TestTensors.Floats(2, 300).Bytes);
        File.CreateSymbolicLink(Path.Combine(model, "b.bin"), _folder["first"]);
        TensorBuffer before = RunFolder(PanelStoreOptions.File(_store));
        switch (change)
        {
            case "the scale of 8-bit numbers":
                Describe("0.02");
                break;
            case "the bias in a file of its own":
                _folder.Write("first", TestTensors.Floats(2, 300).Bytes);
                File.SetLastWriteTimeUtc(_folder["first"], DateTime.UtcNow.AddMinutes(1));
                break;
            default:
                File.SetLastWriteTimeUtc(_folder["second"], DateTime.UtcNow.AddMinutes(1));
                File.Delete(Path.Combine(model, "b.bin"));
                File.CreateSymbolicLink(Path.Combine(model, "b.bin"), _folder["second"]);
                break;
        }

        TensorBuffer expected = RunFolder(PanelStoreOptions.Off);
        Assert.That(expected.Bytes.SequenceEqual(before.Bytes), Is.False);
        Assert.That(RunFolder(PanelStoreOptions.File(_store)).Bytes.SequenceEqual(expected.Bytes), Is.True);

        void Describe(string scale) =>
            File.WriteAllText(Path.Combine(model, "model.txt"), $"g:Gemm*input:x(2,40);w.bin(uint8[{scale},100]:40,300);b.bin(float32:300)*output:y(2,300)\n");

        TensorBuffer RunFolder(PanelStoreOptions options)
        {
            using InferenceSession session = new(model, new SessionOptions { PanelStore = options, ThreadCount = 2 });
            return session.Run(new Dictionary<string, TensorBuffer> { ["x"] = TestTensors.Floats(3, 2, 40) })["y"];
        }
    }

    [Test]
    public void StoreOfAnotherElementTypeIsMadeAgain()
    {
        Run(PanelStoreOptions.File(_store) with { ElementType = ElementType.Float16 });
        Assert.That(Run(PanelStoreOptions.File(_store)).Bytes.SequenceEqual(_expected.Bytes), Is.True);
    }

    [TestCase(0)]
    [TestCase(10)]
    [TestCase(100)]
    [TestCase(5000)]
    public void TruncatedStoreIsMadeAgain(int length)
    {
        Run(PanelStoreOptions.File(_store));
        using (FileStream file = File.OpenWrite(_store))
        {
            file.SetLength(length);
        }

        Assert.That(Run(PanelStoreOptions.File(_store)).Bytes.SequenceEqual(_expected.Bytes), Is.True);
    }

    [TestCase(3)]
    [TestCase(20)]
    [TestCase(70)]
    public void StoreWithDamagedHeaderIsMadeAgain(int position)
    {
        Run(PanelStoreOptions.File(_store));
        Flip(position);
        Assert.That(Run(PanelStoreOptions.File(_store)).Bytes.SequenceEqual(_expected.Bytes), Is.True);
    }

    [Test]
    public void DamagedPanelIsFound()
    {
        Run(PanelStoreOptions.File(_store));
        Flip(4096 + 17);
        Assert.That(() => Run(PanelStoreOptions.File(_store)), Throws.TypeOf<WeightsException>().With.Message.Contains("damaged").And.Message.Contains(_store));
    }

    [Test]
    public void NothingIsLeftWhereAStoreCannotBeWritten()
    {
        string place = Path.Combine(_folder["model.onnx"], "store");
        Assert.That(() => Run(PanelStoreOptions.File(place)), Throws.InstanceOf<IOException>());
        Assert.That(Directory.GetFiles(_folder.Path), Has.Length.EqualTo(1));
    }

    [Test]
    public void AutomaticStoreLiesInTheCacheFolder()
    {
        string? before = Environment.GetEnvironmentVariable("ONNXSTREAM_PANEL_CACHE");
        try
        {
            Environment.SetEnvironmentVariable("ONNXSTREAM_PANEL_CACHE", _folder["cache"]);
            Assert.That(Run(PanelStoreOptions.Auto).Bytes.SequenceEqual(_expected.Bytes), Is.True);
            Assert.That(Directory.GetFiles(_folder["cache"], "*.panels"), Has.Length.EqualTo(1));
        }
        finally
        {
            Environment.SetEnvironmentVariable("ONNXSTREAM_PANEL_CACHE", before);
        }
    }

    // A convolution, a Gemm with its bias and a product: each way in which weights lie.
    private static byte[] BuildModel(int seed) => new ModelBuilder(13)
        .Input("x", ElementType.Float32, 1, 24, 9, 7)
        .Initializer("w", TestTensors.Floats(seed, 70, 24, 3, 3)).Initializer("b", TestTensors.Floats(seed + 10, 70))
        .Initializer("g", TestTensors.Floats(seed + 20, 40, 35)).Initializer("c", TestTensors.Floats(seed + 30, 40))
        .Initializer("m", TestTensors.Floats(seed + 40, 40, 33))
        .Initializer("shape", TestTensors.Integers(-1, 35))
        .Node("Conv", "x w b", "y").Node("Reshape", "y shape", "r").Node("Gemm", "r g c", "z", ("transB", 1)).Node("MatMul", "z m", "o")
        .Output("o").ToBytes();

    private TensorBuffer Run(PanelStoreOptions options)
    {
        using InferenceSession session = new(_model, new SessionOptions { ThreadCount = 2, PanelStore = options });
        session.Run(_inputs);
        return session.Run(_inputs)["o"];
    }

    private void Flip(int position)
    {
        byte[] bytes = File.ReadAllBytes(_store);
        bytes[position] ^= 4;
        File.WriteAllBytes(_store, bytes);
    }
}
