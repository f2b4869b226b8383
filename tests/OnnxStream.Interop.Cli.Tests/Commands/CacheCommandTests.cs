using System.Text.Json;

namespace OnnxStream.Interop.Cli.Tests.Commands;

[NonParallelizable]
internal sealed class CacheCommandTests
{
    private const string CacheVariable = "ONNXSTREAM_PANEL_CACHE";
    private readonly string? _cacheBefore = Environment.GetEnvironmentVariable(CacheVariable);
    private TemporaryFolder _folder = null!;
    private string _model = null!;

    private string Cache => _folder["cache"];

    [SetUp]
    public void SetUp()
    {
        _folder = new TemporaryFolder();
        _model = TinyModel.Write(_folder, columns: 400);
        Environment.SetEnvironmentVariable(CacheVariable, Cache);
    }

    [TearDown]
    public void TearDown()
    {
        Environment.SetEnvironmentVariable(CacheVariable, _cacheBefore);
        _folder.Dispose();
    }

    [Test]
    public void A_cache_that_is_not_there_is_empty()
    {
        Assert.That(Invocation.Of("cache").AssertSucceeded().Output, Does.Match(@"cache: 0 files, 0 bytes\r?\n$"));
        Assert.That(Invocation.Of("cache", "clear").AssertSucceeded().Output, Does.Match(@"cache: 0 files, 0 bytes removed\r?\n$"));
    }

    [Test]
    public void Stores_are_listed_with_what_is_known_of_them()
    {
        Fill();
        string text = Invocation.Of("cache", "list").AssertSucceeded().Output;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(text, Does.Match($@"(?m)^ +[0-9a-f]{{32}}\.panels +\d.*KiB +\d{{4}}-\d\d-\d\d \d\d:\d\d +.*{Path.GetFileName(_model)}\r?$"));
            Assert.That(text, Does.Match(@"(?m)^ +old\.panels +3 bytes .*damaged or of another version\r?$"));
            Assert.That(text, Does.Match(@"(?m)^ +x\.panels\.1\.partial +2 bytes .*never finished\r?$"));
            Assert.That(text, Does.Match(@"(?m)cache: 3 files, \d"));
            Assert.That(text, Does.Not.Contain("notes.txt"));
        }
    }

    [Test]
    public void Json_has_the_promised_members()
    {
        Fill();
        using JsonDocument json = JsonDocument.Parse(Invocation.Of("cache", "--json").AssertSucceeded().Output);
        JsonElement[] stores = [.. json.RootElement.GetProperty("stores").EnumerateArray()];
        JsonElement store = stores.Single(store => store.GetProperty("state").GetString() == "complete");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(json.RootElement.EnumerateObject().Select(member => member.Name), Is.EqualTo(new[] { "folder", "bytes", "stores" }));
            Assert.That(json.RootElement.GetProperty("folder").GetString(), Is.EqualTo(Cache));
            Assert.That(store.EnumerateObject().Select(member => member.Name), Is.EqualTo(new[] { "name", "bytes", "date", "model", "state" }));
            Assert.That(store.GetProperty("model").GetString(), Is.EqualTo(_model));
            Assert.That(stores.Select(other => other.GetProperty("state").GetString()), Is.EquivalentTo(new[] { "complete", "unknown", "left_behind" }));
            Assert.That(json.RootElement.GetProperty("bytes").GetInt64(), Is.EqualTo(stores.Sum(other => other.GetProperty("bytes").GetInt64())));
        }
    }

    [Test]
    public void All_are_removed_and_nothing_else()
    {
        Fill();
        Assert.That(Invocation.Of("cache", "clear").AssertSucceeded().Output, Does.Match(@"cache: 3 files, .* removed\r?\n$"));
        Assert.That(Directory.GetFiles(Cache).Select(Path.GetFileName), Is.EqualTo(new[] { "notes.txt" }));
    }

    [Test]
    public void Those_named_are_removed()
    {
        Fill();
        Assert.That(Invocation.Of("cache", "clear", "old", "x.panels.1.partial").AssertSucceeded().Output, Does.Contain("2 files"));
        Assert.That(PanelStoreFile.FindAll(Cache).Select(file => file.State), Is.EqualTo(new[] { PanelStoreState.Complete }));
        Invocation.Of("cache", "clear", "old").AssertFailed(ExitCode.BadInput, "old", "no such panel store");
    }

    [Test]
    public void What_is_being_written_stays()
    {
        Directory.CreateDirectory(Cache);
        string partial = Path.Combine(Cache, "x.panels.1.partial");
        using FileStream writer = new(partial, FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        Invocation clear = Invocation.Of("cache", "clear").AssertSucceeded();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(clear.Error, Does.Contain("x.panels.1.partial is being written and was not removed"));
            Assert.That(File.Exists(partial), Is.True);
        }
    }

    private void Fill()
    {
        Invocation.Of("pack", _model).AssertSucceeded();
        File.WriteAllText(Path.Combine(Cache, "old.panels"), "old");
        File.WriteAllText(Path.Combine(Cache, "x.panels.1.partial"), "no");
        File.WriteAllText(Path.Combine(Cache, "notes.txt"), "mine");
    }
}
