using OnnxStream.Interop.Benchmarks.Models;

namespace OnnxStream.Interop.Benchmarks.Tests.Models;

public class ModelCacheTests
{
    private string _folder = "";

    [SetUp]
    public void CreateFolder() => _folder = Directory.CreateTempSubdirectory("onnxstream-tests-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void MakesAModelOnce()
    {
        Assert.That(Ensure("1"), Is.True);
        Assert.That(Ensure("1"), Is.False);

        // One without the marker is not whole.
        File.Delete(Path.Combine(_folder, "net", "complete"));
        Assert.That(Ensure("1"), Is.True);
        Assert.That(Directory.EnumerateDirectories(_folder).Count(), Is.EqualTo(1));
    }

    [Test]
    public void MakesAModelOfAnotherVersionAgain()
    {
        Ensure("1");
        Assert.That(Ensure("2"), Is.True);
        Assert.That(Ensure("2"), Is.False);
    }

    [Test]
    public void LeavesNothingOfAModelThatFailed()
    {
        Assert.Throws<IOException>(() => new ModelCache(_folder, "1").Ensure("net", _ => throw new IOException(), _ => { }));
        Assert.That(Directory.EnumerateFileSystemEntries(_folder), Is.Empty);
    }

    // Whether it was made.
    private bool Ensure(string version)
    {
        bool isMade = false;
        ModelCache cache = new(_folder, version);
        string path = cache.Ensure("net", folder =>
        {
            isMade = true;
            File.WriteAllText(Path.Combine(folder, "model.onnx"), version);
        }, _ => { });
        Assert.That(path, Is.EqualTo(cache.PathOf("net")));
        Assert.That(File.ReadAllText(path), Is.EqualTo(version));
        return isMade;
    }
}
