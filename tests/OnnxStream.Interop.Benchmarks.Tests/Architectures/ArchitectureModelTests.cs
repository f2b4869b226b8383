using System.Text.RegularExpressions;
using OnnxStream.Interop.Benchmarks.Architectures;

namespace OnnxStream.Interop.Benchmarks.Tests.Architectures;

public partial class ArchitectureModelTests
{
    [Test]
    public void NamesAreThoseOfTheScripts()
    {
        string folder = Path.Combine(Root(), Exporter.Default.Folder);
        IEnumerable<string> names = new[] { "image_modules.py", "sequence_modules.py" }
            .SelectMany(file => List().Match(File.ReadAllText(Path.Combine(folder, file))).Groups[1].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
        Assert.That(names, Is.EqualTo(ArchitectureModel.Names));
    }

    [Test]
    public void VersionChangesWithTheScripts()
    {
        string folder = Directory.CreateTempSubdirectory("onnxstream-tests-").FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "export_models.py"), "");
            File.WriteAllText(Path.Combine(folder, "image_modules.py"), "a");
            string version = new Exporter(folder).Version();
            Assert.That(new Exporter(folder).Version(), Is.EqualTo(version));
            File.WriteAllText(Path.Combine(folder, "image_modules.py"), "b");
            Assert.That(new Exporter(folder).Version(), Is.Not.EqualTo(version));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public void WithoutScriptsSaysWhereTheyShouldBe() =>
        Assert.That(() => new Exporter("nowhere").Version(), Throws.TypeOf<DirectoryNotFoundException>().With.Message.Contains("nowhere"));

    private static string Root()
    {
        DirectoryInfo? folder = new(TestContext.CurrentContext.TestDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "build.sh")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new DirectoryNotFoundException("The tests do not run inside of the repository.");
    }

    [GeneratedRegex(@"^ARCHITECTURES = \{f\.__name__: f for f in \(([^)]*)\)\}", RegexOptions.Multiline)]
    private static partial Regex List();
}
