using System.Text.Json;
using OnnxStream.Interop.Cli.Tests.Build;

namespace OnnxStream.Interop.Cli.Tests.Commands;

/// <summary>What several commands do alike: a type of panels for each layer.</summary>
[NonParallelizable]
internal sealed class ToolCommandTests
{
    private const string CacheVariable = "ONNXSTREAM_PANEL_CACHE";
    private readonly string? _cacheBefore = Environment.GetEnvironmentVariable(CacheVariable);
    private TemporaryFolder _folder = null!;
    private string _model = null!;
    private string _store = null!;

    [SetUp]
    public void SetUp()
    {
        _folder = new TemporaryFolder();
        _model = TinyModel.Write(_folder, columns: 400, rows: 160);
        _store = _folder["tiny.panels"];
        Environment.SetEnvironmentVariable(CacheVariable, _folder["cache"]);
    }

    [TearDown]
    public void TearDown()
    {
        Environment.SetEnvironmentVariable(CacheVariable, _cacheBefore);
        _folder.Dispose();
    }

    [Test]
    public void Types_of_panels_are_chosen_once_and_kept_beside_the_store()
    {
        Invocation pack = Invocation.Of("pack", _model, "--output", _store, "--panel-type", "auto", "--target-error", "0.2").AssertSucceeded();
        byte[] kept = File.ReadAllBytes($"{_store}.formats");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(pack.Error, Does.Match(@"types of panels chosen in .* s: 1 int[48]; error 0\.\d+"));
            Assert.That(new FileInfo(_store).Length, Is.LessThan(160 * 400 * 2));
            Assert.That(Invocation.Of("pack", _model, "--output", _store, "--panel-type", "auto", "--target-error", "0.2").AssertSucceeded().Error, Does.Not.Contain("chosen"));
            Assert.That(Invocation.Of("run", _model, "--panel-store", _store, "--panel-type", "auto", "--target-error", "2e-1").AssertSucceeded().Error, Does.Not.Contain("chosen").And.Not.Contain("Writing"));
            Assert.That(File.ReadAllBytes($"{_store}.formats"), Is.EqualTo(kept));
        }

        // A smaller error is another choice, and another store.
        Invocation run = Invocation.Of("run", _model, "--panel-store", _store, "--panel-type", "auto", "--target-error", "0.0001").AssertSucceeded();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.Error, Does.Contain("chosen").And.Contain("1 f16").And.Contain("Writing"));
            Assert.That(new FileInfo(_store).Length, Is.GreaterThan(160 * 400 * 2));
        }
    }

    [Test]
    public void In_the_cache_folder_runs_find_the_choice_that_packing_made()
    {
        Invocation.Of("pack", _model, "--panel-type", "auto").AssertSucceeded();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Directory.GetFiles(_folder["cache"]).Select(Path.GetExtension).Order(), Is.EqualTo(new[] { ".formats", ".panels" }));
            Assert.That(Invocation.Of("run", _model, "--panel-store", "auto", "--panel-type", "auto", "--memory", "1GB").AssertSucceeded().Error, Does.Not.Contain("chosen").And.Not.Contain("Writing"));
            Invocation.Of("cache", "clear").AssertSucceeded();
            Assert.That(Directory.GetFiles(_folder["cache"]), Is.Empty);
        }
    }

    // Each of the three networks has a choice of its own.
    [Test]
    public void Pictures_are_made_with_chosen_types()
    {
        string networks = Path.Combine(Repository.Root, "src", "OnnxStream.Interop.Diffusion", "Models", "tiny-shapes");
        string[] sd = ["sd", "a red circle", "--model", networks, "--steps", "2", "--seed", "5", "--output", _folder["p.png"], "--panel-store", "auto", "--panel-type", "auto", "--target-error", "0.05"];
        Invocation first = Invocation.Of(sd).AssertSucceeded();
        byte[] picture = File.ReadAllBytes(_folder["p.png"]);
        Invocation second = Invocation.Of(sd).AssertSucceeded();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(first.Error.Split('\n').Count(line => line.StartsWith("types of panels chosen", StringComparison.Ordinal)), Is.EqualTo(3));
            Assert.That(Directory.GetFiles(_folder["cache"], "*.formats"), Has.Length.EqualTo(3));
            Assert.That(second.Error, Does.Not.Contain("chosen"));
            Assert.That(File.ReadAllBytes(_folder["p.png"]), Is.EqualTo(picture));
        }
    }

    [Test]
    public void A_limit_of_memory_holds_for_the_runs_that_choose() =>
        Invocation.Of("run", _model, "--panel-store", _store, "--panel-type", "auto", "--memory", "1MB").AssertFailed(ExitCode.BadInput, "--memory");

    [Test]
    public void A_plan_shows_what_was_chosen()
    {
        Invocation plan = Invocation.Of("plan", _model, "--panel-store", _store, "--panel-type", "auto", "--target-error", "0.2", "--image", _folder["plan.png"]).AssertSucceeded();
        using JsonDocument json = JsonDocument.Parse(Invocation.Of("plan", _model, "--panel-store", _store, "--panel-type", "auto", "--target-error", "0.2", "--json").AssertSucceeded().Output);
        JsonElement layer = json.RootElement.GetProperty("layers")[0];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(plan.Output, Does.Match(@"w +.*MatMul.* +int[48] ").And.Match(@"(?m)^error +0\.\d"));
            Assert.That(layer.GetProperty("weight").GetString(), Is.EqualTo("w"));
            Assert.That(layer.GetProperty("type").GetString(), Is.EqualTo("int8").Or.EqualTo("int4"));
            Assert.That(layer.GetProperty("bytes").GetInt64(), Is.GreaterThan(0));
            Assert.That(layer.GetProperty("error_share").GetDouble(), Is.EqualTo(1).Within(1e-9));
            Assert.That(json.RootElement.GetProperty("target_error").GetDouble(), Is.EqualTo(0.2));
            Assert.That(json.RootElement.GetProperty("measured_error").GetDouble(), Is.GreaterThan(0).And.LessThanOrEqualTo(0.2));
            Assert.That(File.Exists(_store), Is.False);
            Assert.That(new FileInfo(_folder["plan.png"]).Length, Is.GreaterThan(10_000));
        }
    }

    [Test]
    public void Errors_that_make_no_sense_are_refused([Values("0", "-0.1", "1", "nan", "inf", "x", "")] string error, [Values("run", "pack", "plan")] string command) =>
        Invocation.Of(command, _model, "--panel-type", "auto", "--target-error", error).AssertFailed(ExitCode.BadInput, $"--target-error {error}");

    [Test]
    public void An_error_without_a_choice_is_refused([Values("run", "pack", "plan")] string command) =>
        Invocation.Of(command, _model, "--panel-type", "int8", "--target-error", "0.02").AssertFailed(ExitCode.BadInput, "--target-error 0.02 is for --panel-type auto");

    [Test]
    public void A_choice_without_a_store_is_refused([Values("run", "plan")] string command) =>
        Invocation.Of(command, _model, "--panel-type", "auto").AssertFailed(ExitCode.BadInput, "--panel-store");

    [Test]
    public void Cancellation_leaves_nothing()
    {
        Invocation.Of(new CancellationToken(canceled: true), "pack", _model, "--output", _store, "--panel-type", "auto").AssertFailed(ExitCode.Cancelled, "cancelled");
        Assert.That(Directory.GetFiles(_folder.Path), Is.EqualTo(new[] { _model }));
    }
}
