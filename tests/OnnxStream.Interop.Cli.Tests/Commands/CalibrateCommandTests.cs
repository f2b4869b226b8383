using System.Text.Json;
using OnnxStream.Interop.Cli.Tensors;

namespace OnnxStream.Interop.Cli.Tests.Commands;

internal sealed class CalibrateCommandTests
{
    private TemporaryFolder _folder = null!;
    private string _model = null!;

    [SetUp]
    public void SetUp()
    {
        _folder = new TemporaryFolder();
        _model = TinyModel.Write(_folder, columns: 400);
    }

    [TearDown]
    public void TearDown() => _folder.Dispose();

    [Test]
    public void Writes_ranges_beside_the_model_on_random_inputs()
    {
        Invocation done = Invocation.Of("calibrate", _model, "--dim", "batch=4").AssertSucceeded();
        string file = _model + ".ranges.json";
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(file));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(done.Output, Does.Contain(file).And.Contain("random").And.Match(@"(?m)^values +3 "));
            Assert.That(json.RootElement.GetProperty("ranges").EnumerateArray().Select(range => range.GetProperty("value").GetString()), Is.EqualTo(new[] { "hidden", "scores/0", "x" }));
        }
    }

    [Test]
    public void Samples_in_files_decide_the_ranges()
    {
        Directory.CreateDirectory(_folder["samples"]);
        NpyFile.Save(_folder["samples/a.npy"], TensorBuffer.Create<float>([1, 2, 3], 1, 3));
        NpyFile.Save(_folder["samples/b.npy"], TensorBuffer.Create<float>([-7, 0, 0], 1, 3));
        Invocation done = Invocation.Of("calibrate", _model, "--inputs", _folder["samples"], "--method", "min-max", "--output", _folder["r.json"], "--json").AssertSucceeded();
        using JsonDocument report = JsonDocument.Parse(done.Output);
        using JsonDocument ranges = JsonDocument.Parse(File.ReadAllBytes(_folder["r.json"]));
        JsonElement x = ranges.RootElement.GetProperty("ranges").EnumerateArray().Single(range => range.GetProperty("value").GetString() == "x");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.RootElement.EnumerateObject().Select(member => member.Name), Is.EqualTo(new[] { "file", "method", "samples", "random_inputs", "values", "time_s", "peak_rss_bytes" }));
            Assert.That(report.RootElement.GetProperty("samples").GetInt32(), Is.EqualTo(2));
            Assert.That(report.RootElement.GetProperty("random_inputs").GetBoolean(), Is.False);
            Assert.That(x.GetProperty("minimum").GetSingle(), Is.EqualTo(-7));
            Assert.That(x.GetProperty("maximum").GetSingle(), Is.EqualTo(3));
        }

        Invocation.Of("calibrate", _model, "--inputs", _folder["samples"], "--samples", "1", "--method", "min-max", "--output", _folder["one.json"]).AssertSucceeded();
        Assert.That(File.ReadAllText(_folder["one.json"]), Does.Not.Contain("-7"));
    }

    [Test]
    public void Writes_range_data_of_an_OnnxStream_folder()
    {
        Invocation.Of("convert", _model, _folder["text"]).AssertSucceeded();
        Invocation.Of("calibrate", _folder["text"]).AssertSucceeded();
        Assert.That(File.ReadAllText(Path.Combine(_folder["text"], "range_data.txt")), Does.Match(@"^/MatMul,-?[\d.E-]+,-?[\d.E-]+\r\n"));
        Invocation.Of("calibrate", _folder["text"], "--output", _folder["r.txt"]).AssertSucceeded();
        Assert.That(File.Exists(_folder["r.txt"]), Is.True);
    }

    [Test]
    public void Bad_input_is_one_line_and_writes_nothing()
    {
        NpyFile.Save(_folder["wide.npy"], TensorBuffer.Create<float>([1, 2, 3, 4], 1, 4));
        Directory.CreateDirectory(_folder["empty"]);
        using (Assert.EnterMultipleScope())
        {
            Invocation.Of("calibrate", _model, "--inputs", _folder["wide.npy"], "-q").AssertFailed(ExitCode.BadInput, "Sample 1", "x");
            Invocation.Of("calibrate", _model, "--inputs", _folder["empty"]).AssertFailed(ExitCode.BadInput, _folder["empty"], "no sample");
            Invocation.Of("calibrate", _model, "--inputs", _folder["none"]).AssertFailed(ExitCode.BadInput, _folder["none"]);
            Invocation.Of("calibrate", _model, "--percentile", "40").AssertFailed(ExitCode.BadInput, "--percentile 40");
            Invocation.Of("calibrate", _model, "--method", "magic").AssertFailed(ExitCode.BadInput, "magic");
            Invocation.Of("calibrate", _model, "--memory", "1MB", "-q").AssertFailed(ExitCode.BadInput, "--memory");
            Invocation.Of("calibrate", _model, "--output", Path.Combine(_folder["none"], "r.json"), "-q").AssertFailed(ExitCode.BadInput, "none");
            Assert.That(Directory.GetFiles(_folder.Path), Is.EquivalentTo(new[] { _model, _folder["wide.npy"] }));
        }
    }
}
