using System.Text.Json;

namespace OnnxStream.Interop.Cli.Tests.Commands;

[NonParallelizable]
internal sealed class PullCommandTests
{
    private static readonly string[] s_variables = ["HF_HUB_CACHE", "HF_ENDPOINT", LocalModels.FolderVariable];
    private readonly string?[] _before = [.. s_variables.Select(Environment.GetEnvironmentVariable)];
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void SetUp()
    {
        _folder = new TemporaryFolder();
        Environment.SetEnvironmentVariable("HF_HUB_CACHE", _folder["hub"]);
        Environment.SetEnvironmentVariable("HF_ENDPOINT", null);
        Environment.SetEnvironmentVariable(LocalModels.FolderVariable, _folder["models"]);
    }

    [TearDown]
    public void TearDown()
    {
        for (int i = 0; i < s_variables.Length; i++)
        {
            Environment.SetEnvironmentVariable(s_variables[i], _before[i]);
        }

        _folder.Dispose();
    }

    [Test]
    public void A_model_is_pulled_listed_used_and_removed()
    {
        string model = TinyModel.Write(_folder, columns: 400);
        using StallingServer server = new(model, answers: 1000);
        string address = $"{server.Address}tiny/model.onnx";
        using (JsonDocument dry = JsonDocument.Parse(Invocation.Of("pull", address, "--dry-run", "--json").AssertSucceeded().Output))
        {
            Assert.That(dry.RootElement.GetProperty("is_complete").GetBoolean(), Is.False);
            Assert.That(dry.RootElement.GetProperty("downloaded_bytes").GetInt64(), Is.EqualTo(new FileInfo(model).Length));
        }

        Invocation pulled = Invocation.Of("pull", address).AssertSucceeded();
        Assert.That(pulled.Output.TrimEnd(), Is.EqualTo(Path.Combine(_folder["models"], "tiny")));
        Assert.That(File.ReadAllBytes(Path.Combine(pulled.Output.TrimEnd(), "model.onnx")), Is.EqualTo(File.ReadAllBytes(model)));
        Assert.That(Invocation.Of("models").AssertSucceeded().Output, Does.Match(@"(?m)^ +tiny +\d").And.Contain("1 model,"));
        Assert.That(Invocation.Of("inspect", "tiny").AssertSucceeded().Output, Is.EqualTo(Invocation.Of("inspect", Path.Combine(_folder["models"], "tiny")).AssertSucceeded().Output));
        Assert.That(Invocation.Of("models", "remove", "tiny").AssertSucceeded().Output, Does.Contain("removed"));
        Invocation.Of("inspect", "tiny").AssertFailed(ExitCode.BadInput, "tiny: no such file or folder");
        Invocation.Of("models", "remove", "tiny").AssertFailed(ExitCode.BadInput, "there is no such model");
    }

    [Test]
    public void Known_models_are_listed_and_need_a_hub()
    {
        using JsonDocument json = JsonDocument.Parse(Invocation.Of("models", "known", "--json").AssertSucceeded().Output);
        string name = json.RootElement.GetProperty("models")[0].GetProperty("name").GetString()!;
        Assert.That(Invocation.Of("models", "known").AssertSucceeded().Output, Does.Contain(name));
        Invocation.Of("pull", name).AssertFailed(ExitCode.BadInput, "HF_ENDPOINT");
        Invocation.Of("embed", "--text", "a", "--model", name).AssertFailed(ExitCode.BadInput, $"onnxstream pull {name}");
        Invocation.Of("pull", "nonsense").AssertFailed(ExitCode.BadInput, "OWNER/NAME", name);
        Invocation.Of("models", "list", "name").AssertFailed(ExitCode.BadInput, "takes no names");
    }

    [Test]
    public void A_manifest_describes_a_folder()
    {
        Directory.CreateDirectory(_folder["mine/inner"]);
        File.WriteAllText(_folder["mine/inner/a.txt"], "abc");
        Assert.That(Invocation.Of("models", "manifest", _folder["mine"]).AssertSucceeded().Output, Does.Contain("1 file, 3 bytes"));
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(_folder["mine/manifest.json"]));
        JsonElement file = json.RootElement.GetProperty("files")[0];
        Assert.That(file.GetProperty("name").GetString(), Is.EqualTo("inner/a.txt"));
        Assert.That(file.GetProperty("sha256").GetString(), Is.EqualTo("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
        Invocation.Of("models", "manifest", _folder["missing"]).AssertFailed(ExitCode.BadInput, "no such file or folder");
    }
}
