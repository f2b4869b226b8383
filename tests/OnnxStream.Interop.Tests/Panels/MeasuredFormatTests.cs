using System.Runtime.InteropServices;
using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop.Tests.Panels;

/// <summary>What is said to be lost in a layer is about the error of its results.</summary>
[NativeMemoryLeakCheck]
public unsafe class MeasuredFormatTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void SetUp() => _folder = new TemporaryFolder();

    [TearDown]
    public void TearDown() => _folder.Dispose();

    [Test]
    public void Matrices([Values(ElementType.Int8, ElementType.Int4, ElementType.Float16, ElementType.BFloat16)] ElementType type, [Values] bool isTransposed, [Values(1, 2)] int threads)
    {
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, 33, 288).Output("y");
        model = isTransposed
            ? model.Initializer("w", TestTensors.Floats(1, 1201, 288)).Initializer("b", TestTensors.Random(ElementType.Float32, 2, -1e-3, 1e-3, 1201)).Node("Gemm", "x w b", "y", ("transB", 1))
            : model.Initializer("w", TestTensors.Floats(1, 288, 1201)).Node("MatMul", "x w", "y");
        AssertLoss(model, TestTensors.Floats(3, 33, 288), type, threads);
    }

    [Test]
    public void Convolutions([Values(ElementType.Int8, ElementType.Float16)] ElementType type, [Values(1, 3)] int kernel, [Values(9, 30)] int height)
    {
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, 2, 64, height, 26).Output("y").Initializer("w", TestTensors.Floats(1, kernel == 1 ? 530 : 72, 64, kernel, kernel))
            .Node("Conv", "x w", "y");

        // What Winograd's transformed weights lose is multiplied when results are transformed back, four to six times.
        AssertLoss(model, TestTensors.Floats(3, 2, 64, height, 26), type, 2, least: type == ElementType.Float16 && kernel == 3 && height == 30 ? 0.15 : 0.7);
    }

    [Test]
    public void AnImageThatIsDoubled()
    {
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, 1, 64, 17, 19).Output("y").Initializer("w", TestTensors.Floats(1, 64, 64, 3, 3))
            .Initializer("s", TensorBuffer.Create<float>([1, 1, 2, 2], 4))
            .Node("Resize", "x - s", "r", ("mode", "nearest"), ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor")).Node("Conv", "r w", "y", ("pads", new[] { 1, 1, 1, 1 }));
        AssertLoss(model, TestTensors.Floats(3, 1, 64, 17, 19), ElementType.Int8, 2);
    }

    [Test]
    public void NothingIsLostInSinglePrecisionOrOfZeros()
    {
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, 5, 256).Output("y").Initializer("w", TestTensors.Floats(1, 256, 256)).Node("MatMul", "x w", "y");
        Assert.That(Measure(model, TestTensors.Floats(3, 5, 256), ElementType.Float32, 2, out _), Is.Zero);
        ModelBuilder zeros = new ModelBuilder(17).Input("x", ElementType.Float32, 5, 256).Output("y").Initializer("w", new TensorBuffer(ElementType.Float32, new Shape(256, 256))).Node("MatMul", "x w", "y");
        Assert.That(Measure(zeros, new TensorBuffer(ElementType.Float32, new Shape(5, 256)), ElementType.Int8, 2, out _), Is.Zero);
    }

    // The type of panels says how weights are packed. Whether they are kept changes no result.
    [Test]
    public void WithoutAStoreResultsAreTheSame([Values(ElementType.Int8, ElementType.Int4, ElementType.Float16, ElementType.BFloat16)] ElementType type, [Values(0, 1 << 20)] long keptBytes, [Values(1, 2)] int threads)
    {
        string path = _folder.Write("model.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, 2, 64, 9, 8).Output("y")
            .Initializer("w1", TestTensors.Floats(1, 72, 64, 3, 3)).Initializer("w2", TestTensors.Floats(2, 640, 72, 1, 1)).Initializer("w3", TestTensors.Floats(3, 8, 96))
            .Node("Conv", "x w1", "c1", ("pads", new[] { 1, 1, 1, 1 })).Node("Conv", "c1 w2", "c2").Node("MatMul", "c2 w3", "y").ToBytes());
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(4, 2, 64, 9, 8) };
        SessionOptions options = new() { ThreadCount = threads, KeptPanelBytes = keptBytes };
        using InferenceSession exact = new(path, options);
        using InferenceSession stored = new(path, options with { PanelStore = PanelStoreOptions.File(_folder["model.panels"]) with { ElementType = type } });
        using InferenceSession packed = new(path, options with { PanelStore = PanelStoreOptions.Off with { ElementType = type } });
        TensorBuffer expected = stored.Run(inputs)["y"];
        Assert.That(expected.Bytes.SequenceEqual(exact.Run(inputs)["y"].Bytes), Is.False, "something is rounded");
        for (int run = 0; run < 2; run++)
        {
            Assert.That(packed.Run(inputs)["y"].Bytes.SequenceEqual(expected.Bytes), Is.True, $"run {run}");
        }
    }

    // What stands in a store is what a run without one computes with.
    [TestCaseSource(typeof(PanelFormatTests), nameof(PanelFormatTests.Identities))]
    public void RoundedBytesAreThoseThatComeOutOfAStore(string identity)
    {
        PanelFormat format = PanelFormats.All.Single(format => format.Identity == identity);
        float[] numbers = [0, -0f, 1e-41f, 65520, -3.3e38f, float.NaN, float.NegativeInfinity, .. TestTensors.Floats(1, 3001).Span<float>()];
        float[] rounded = [.. numbers];
        float[] encoded = [.. numbers];
        float[] expanded = new float[numbers.Length];
        fixed (float* inPlace = rounded)
        fixed (byte* stored = format.Encode(MemoryMarshal.AsBytes(encoded.AsSpan())))
        fixed (float* destination = expanded)
        {
            format.Round((byte*)inPlace, numbers.Length * sizeof(float));
            format.Expand(stored, (byte*)destination, numbers.Length * sizeof(float));
        }

        Assert.That(rounded.Select(BitConverter.SingleToUInt32Bits), Is.EqualTo(expanded.Select(BitConverter.SingleToUInt32Bits)));
    }

    private void AssertLoss(ModelBuilder model, TensorBuffer data, ElementType type, int threads, double least = 0.7)
    {
        double predicted = Math.Sqrt(Measure(model, data, type, threads, out double error));
        Assert.That(error, Is.GreaterThan(0));
        Assert.That(predicted / error, Is.InRange(least, 1.4), $"{predicted} and {error}");
    }

    private double Measure(ModelBuilder model, TensorBuffer data, ElementType type, int threads, out double error)
    {
        string path = _folder.Write("model.onnx", model.ToBytes());
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = data };
        LayerLosses losses = new();
        using InferenceSession exact = new(path, new SessionOptions { ThreadCount = threads });
        using InferenceSession session = new(path, new SessionOptions { ThreadCount = threads, PanelStore = PanelStoreOptions.Off with { ElementType = type, Losses = losses } });
        error = TestTensors.RelativeRms(session.Run(inputs)["y"], exact.Run(inputs)["y"]);

        // Kept panels are packed once, and data converted again.
        session.Run(inputs);
        return losses.Of("w").Relative;
    }
}
