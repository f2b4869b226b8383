using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Weights;

public class FileSourceTests
{
    [Test]
    public void ItReadsWhatTheFileHolds()
    {
        using TemporaryFolder folder = new();
        FileSource source = new(folder.Write("w.bin", [1, 2, 3, 4, 5]));
        byte[] bytes = new byte[3];
        source.Read(1, bytes);
        Assert.That(bytes, Is.EqualTo(new byte[] { 2, 3, 4 }));
        Assert.That(source.Length, Is.EqualTo(5));
        Assert.That(source.LocalPath, Is.EqualTo(folder["w.bin"]).And.EqualTo(source.Id).And.EqualTo(source.ToString()));
        Assert.That(() => source.Read(3, bytes), Throws.TypeOf<EndOfStreamException>().With.Message.Contains("byte 5"));
        Assert.That(() => source.Read(9, []), Throws.Nothing);
    }

    [Test]
    public void TheVersionChangesWithSizeAndTime()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("w.bin", [1, 2, 3]);
        DateTime time = File.GetLastWriteTimeUtc(path);
        FileSource source = new(path);
        string version = source.Version;
        Assert.That(new FileSource(path).Version, Is.EqualTo(version));
        File.SetLastWriteTimeUtc(path, time.AddSeconds(1));
        Assert.That(source.Version, Is.Not.EqualTo(version));
        folder.Write("w.bin", [1, 2, 3, 4]);
        File.SetLastWriteTimeUtc(path, time);
        Assert.That(source.Version, Is.Not.EqualTo(version));
    }

    [Test]
    public void ALinkIsWhatItLeadsTo()
    {
        using TemporaryFolder folder = new();
        string target = folder.Write("blob", [1, 2, 3]);
        FileSource link = new(File.CreateSymbolicLink(folder["link"], target).FullName);
        Assert.That(link.Length, Is.EqualTo(3));
        Assert.That(link.Version, Is.EqualTo(new FileSource(target).Version));
        Assert.That(link.LocalPath, Is.EqualTo(folder["link"]), "it may lead elsewhere later");
    }

    [Test]
    public void AFileThatIsNotThere()
    {
        using TemporaryFolder folder = new();
        FileSource source = new(folder["nothing"]);
        Assert.That(() => source.Length, Throws.InstanceOf<IOException>());
        Assert.That(() => source.Version, Throws.InstanceOf<IOException>());
        Assert.That(() => new WeightRange("w", source, 0, 4).Read(new byte[4]), Throws.TypeOf<WeightsException>().With.Message.StartsWith(folder["nothing"]).And.Message.Contains("weight 'w'"));
    }
}
