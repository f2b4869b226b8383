using System.Text.Json;

namespace OnnxStream.Interop.Cli.Tests.Commands;

[NonParallelizable]
internal sealed class PackCommandTests
{
    private const string CacheVariable = "ONNXSTREAM_PANEL_CACHE";
    private readonly string? _cacheBefore = Environment.GetEnvironmentVariable(CacheVariable);
    private TemporaryFolder _folder = null!;
    private string _model = null!;

    [SetUp]
    public void SetUp()
    {
        _folder = new TemporaryFolder();
        _model = TinyModel.Write(_folder, columns: 400);
        Environment.SetEnvironmentVariable(CacheVariable, _folder["cache"]);
    }

    [TearDown]
    public void TearDown()
    {
        Environment.SetEnvironmentVariable(CacheVariable, _cacheBefore);
        _folder.Dispose();
    }

    [Test]
    public void A_store_is_made_where_asked_for()
    {
        string store = _folder["tiny.panels"];
        Invocation pack = Invocation.Of("pack", _model, "--output", store).AssertSucceeded();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(pack.Output, Does.Match(@"(?m)^file  .*tiny\.panels\r?$").And.Match(@"(?m)^size  \d.*KiB\r?$").And.Match(@"(?m)^time  \d.* s\r?$"));
            Assert.That(pack.Error, Does.Contain("Writing the panel store"));
            Assert.That(Invocation.Of("pack", _model, "--output", store).AssertSucceeded().Output, Does.Contain("it already existed"));
            Assert.That(Invocation.Of("run", _model, "--panel-store", store).AssertSucceeded().Error, Does.Not.Contain("Writing"));
            Assert.That(Directory.Exists(_folder["cache"]), Is.False);
        }
    }

    [Test]
    public void Without_a_file_it_lies_in_the_cache()
    {
        using JsonDocument json = JsonDocument.Parse(Invocation.Of("pack", _model, "--dim", "batch=2", "--panel-type", "f16", "--json").AssertSucceeded().Output);
        JsonElement report = json.RootElement;
        string file = report.GetProperty("file").GetString()!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.EnumerateObject().Select(member => member.Name), Is.EqualTo(new[] { "file", "bytes", "packed", "seconds" }));
            Assert.That(Directory.GetFiles(_folder["cache"]), Is.EqualTo(new[] { file }));
            Assert.That(report.GetProperty("bytes").GetInt64(), Is.EqualTo(new FileInfo(file).Length));
            Assert.That(report.GetProperty("packed").GetBoolean(), Is.True);
            Assert.That(Invocation.Of("run", _model, "--dim", "batch=2", "--panel-store", "auto", "--panel-type", "f16").AssertSucceeded().Error, Does.Not.Contain("Writing"));
        }
    }

    [Test]
    public void A_model_without_weights_to_pack_is_refused() =>
        Invocation.Of("pack", TinyModel.Write(_folder, "small.onnx")).AssertFailed(ExitCode.BadInput, "No panel store can be made");

    [Test]
    public void Cancellation_leaves_nothing()
    {
        Invocation.Of(new CancellationToken(canceled: true), "pack", _model).AssertFailed(ExitCode.Cancelled, "cancelled");
        Assert.That(PanelStoreFile.FindAll(_folder["cache"]), Is.Empty);
    }

    [Test]
    public void A_place_that_cannot_be_written_is_an_error()
    {
        Invocation failed = Invocation.Of("pack", _model, "--output", Path.Combine(_model, "tiny.panels"), "--quiet");
        failed.AssertFailed(ExitCode.Failure, "tiny.onnx");
    }
}
