using OnnxStream.Interop.Benchmarks.Commands;
using OnnxStream.Interop.Benchmarks.Engines;

namespace OnnxStream.Interop.Benchmarks.Tests.Commands;

public class ComparisonArgumentsTests
{
    [Test]
    public void WithBefore_PutsTheEarlierToolBehindEachEngineOfThisLibrary()
    {
        IReadOnlyList<Engine> all = EngineCatalog.Create("tool", "panels");
        Engine[] engines = [.. ((string[])["onnxruntime", "onnxstream", "onnxstream-store"]).Select(name => all.Single(engine => engine.Name == name))];

        Engine[] both = [.. ComparisonArguments.WithBefore(engines, "earlier/tool")];

        Assert.That(both.Select(engine => engine.Name), Is.EqualTo(new[] { "onnxruntime", "onnxstream", "onnxstream-before", "onnxstream-store", "onnxstream-store-before" }));
        Workload workload = new("model", "model.onnx", new Dictionary<string, string>(), 2);
        Assert.Multiple(() =>
        {
            Assert.That(both[2].CreateStartInfo(workload, 1, ".").FileName, Does.EndWith(Path.Combine("earlier", "tool")));
            Assert.That(both[2].PreparedFile(workload), Is.Null);
            Assert.That(both[3].PreparedFile(workload), Is.EqualTo(Path.Combine("panels", "model.f32.panels")));
            Assert.That(both[4].PreparedFile(workload), Is.EqualTo(Path.Combine("panels", "before", "model.f32.panels")));
        });
    }
}
