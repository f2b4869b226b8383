using System.Text.Json;

namespace OnnxStream.Interop.Cli.Tests.Commands;

internal sealed class QuantizeCommandTests
{
    private TemporaryFolder _folder = null!;
    private string _model = null!;

    [SetUp]
    public void SetUp()
    {
        _folder = new TemporaryFolder();

        Random random = new(5);
        float[] weight = [.. Enumerable.Range(0, 64 * 48).Select(_ => (random.NextSingle() - 0.5f) / 4)];
        float[] second = [.. Enumerable.Range(0, 48 * 64).Select(_ => (random.NextSingle() - 0.5f) / 4)];
        _model = new ProtoModel().Input("x", ElementType.Float32, "batch", 64).Output("y")
            .Initializer("w", ElementType.Float32, [64, 48], weight).Initializer("v", ElementType.Float32, [48, 64], second)
            .Node("MatMul", "x w", "h").Node("Tanh", "h", "t").Node("MatMul", "t v", "y").Write(_folder);
    }

    [TearDown]
    public void TearDown() => _folder.Dispose();

    [TestCase("w8a32", "int8")]
    [TestCase("w4", "int4")]
    [TestCase("w8a8", "int8, 8-bit data")]
    public void Writes_a_model_that_runs_and_states_the_error(string scheme, string type)
    {
        Invocation done = Invocation.Of("quantize", _model, _folder["q.onnx"], "--scheme", scheme, "--dim", "batch=3").AssertSucceeded();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(done.Output, Does.Contain(type).And.Match(@"(?m)^error +0\.\d+ of the outputs' root mean square; of random inputs\r?$").And.Match(@"(?m)^weights .* % of ").And.Contain(" dB"));
            Invocation.Of("run", _folder["q.onnx"], "--dim", "batch=3").AssertSucceeded();
            Invocation.Of("quantize", _model, _folder["q.onnx"]).AssertFailed(ExitCode.BadInput, "exists already");
        }
    }

    [Test]
    public void Ranges_come_from_a_file()
    {
        Invocation.Of("calibrate", _model, "--dim", "batch=8").AssertSucceeded();
        string ranges = _model + ".ranges.json";
        Invocation done = Invocation.Of("quantize", _model, _folder["q.onnx"], "--scheme", "w8a8", "--ranges", ranges, "--no-measure", "--json").AssertSucceeded();
        using JsonDocument json = JsonDocument.Parse(done.Output);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(done.Error, Is.Empty);
            Assert.That(json.RootElement.EnumerateObject().Select(member => member.Name), Is.EqualTo(new[] { "model", "scheme", "error", "random_inputs", "target_error", "original_bytes", "bytes", "time_s", "peak_rss_bytes", "layers" }));
            Assert.That(json.RootElement.GetProperty("error").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(json.RootElement.GetProperty("layers").GetArrayLength(), Is.EqualTo(2));
            Assert.That(json.RootElement.GetProperty("layers")[0].EnumerateObject().Select(member => member.Name), Is.EqualTo(new[]
            {
                "node", "operator", "weight", "type", "quantized_data", "original_bytes", "bytes", "weight_snr_db", "data_snr_db", "snr_db", "predicted_error", "reason",
            }));
        }

        string other = TinyModel.Write(_folder, columns: 400);
        Invocation.Of("quantize", other, _folder["other.onnx"], "--scheme", "w8a8", "--ranges", ranges).AssertFailed(ExitCode.BadInput, "another model");
        File.WriteAllText(_folder["range_data.txt"], "elsewhere,0,1\r\n");
        Invocation.Of("quantize", other, _folder["other.onnx"], "--scheme", "w8a8", "--ranges", _folder["range_data.txt"]).AssertFailed(ExitCode.BadInput, "elsewhere");
        Assert.That(File.Exists(_folder["other.onnx"]), Is.False);
    }

    [Test]
    public void A_target_keeps_layers_and_one_that_cannot_be_met_says_the_best()
    {
        double whole = Error("whole.onnx");
        double half = Error("half.onnx", "--target-error", (0.8 * whole).ToString("R", System.Globalization.CultureInfo.InvariantCulture));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(whole, Is.GreaterThan(0.01));
            Assert.That(half, Is.LessThanOrEqualTo(0.8 * whole));
            Invocation.Of("quantize", _model, _folder["none.onnx"], "--target-error", "0.0000001", "-q").AssertFailed(ExitCode.BadInput, "the best is");
            Assert.That(Directory.GetFiles(_folder.Path, "none*"), Is.Empty);
        }

        double Error(string name, params string[] more)
        {
            using JsonDocument json = JsonDocument.Parse(Invocation.Of(["quantize", _model, _folder[name], "--scheme", "w4", "--json", "--dim", "batch=4", .. more]).AssertSucceeded().Output);
            return json.RootElement.GetProperty("error").GetDouble();
        }
    }

    [Test]
    public void Writes_an_OnnxStream_folder()
    {
        Invocation.Of("quantize", _model, _folder["q"], "--dim", "batch=2").AssertSucceeded();
        Assert.That(File.ReadAllText(Path.Combine(_folder["q"], "model.txt")), Does.Contain("uint8["));
        Invocation.Of("run", _folder["q"]).AssertSucceeded();
    }

    [Test]
    public void Options_that_contradict_one_another_are_refused()
    {
        using (Assert.EnterMultipleScope())
        {
            Invocation.Of("quantize", _model, _folder["q"], "--scheme", "w4").AssertFailed(ExitCode.BadInput, "4 bits");
            Invocation.Of("quantize", _model, _folder["q.onnx"], "--ranges", "r.json").AssertFailed(ExitCode.BadInput, "--ranges", "w8a8");
            Invocation.Of("quantize", _model, _folder["q.onnx"], "--target-error", "0.1", "--no-measure").AssertFailed(ExitCode.BadInput, "--no-measure");
            Invocation.Of("quantize", _model, _folder["q.onnx"], "--target-error", "2").AssertFailed(ExitCode.BadInput, "--target-error 2");
            Invocation.Of("quantize", _model, _folder["q.onnx"], "--scheme", "w8a8", "--ranges", _folder["none.json"]).AssertFailed(ExitCode.BadInput, "none.json");
            Invocation.Of("quantize", _folder["none.onnx"], _folder["q.onnx"]).AssertFailed(ExitCode.BadInput, "none.onnx");
            Assert.That(Directory.GetFileSystemEntries(_folder.Path), Is.EqualTo(new[] { _model }));
        }
    }
}
