using Microsoft.Win32.SafeHandles;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Tests.Native;

[Platform("Linux")]
public class FileLeaseTests
{
    private TemporaryFolder _folder = null!;
    private string _path = null!;
    private SafeFileHandle _file = null!;

    [SetUp]
    public void SetUp()
    {
        _folder = new TemporaryFolder();
        _path = _folder.Write("weights", new byte[10_000]);
        _file = File.OpenHandle(_path);
    }

    [TearDown]
    public void TearDown()
    {
        _file.Dispose();
        _folder.Dispose();
    }

    [Test]
    public void AWriterWaitsUntilTheLeaseIsGivenBack()
    {
        FileLease lease = FileLease.TryTake(_file)!;
        Assert.That(lease.IsHeld, Is.True);
        Task writer = Task.Run(() =>
        {
            using FileStream file = new(_path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            file.SetLength(1);
        });
        Assert.That(() => lease.IsHeld, Is.False.After(10_000, 5));
        Assert.That(writer.IsCompleted, Is.False);
        Assert.That(RandomAccess.GetLength(_file), Is.EqualTo(10_000));
        lease.Dispose();
        Assert.That(writer.Wait(TimeSpan.FromSeconds(10)), Is.True);
        Assert.That(RandomAccess.GetLength(_file), Is.EqualTo(1));
    }

    [Test]
    public void ThereIsNoneWhileSomebodyWrites()
    {
        using (FileStream writer = new(_path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            Assert.That(FileLease.TryTake(_file), Is.Null);
        }

        using FileLease? lease = FileLease.TryTake(_file);
        Assert.That(lease?.IsHeld, Is.True);
    }

    [Test]
    public void ReadersAndThoseWhoReplaceTheFileDoNotWait()
    {
        using FileLease? lease = FileLease.TryTake(_file);
        using SafeFileHandle other = File.OpenHandle(_path);
        using FileLease? second = FileLease.TryTake(other);
        Assert.That(File.ReadAllBytes(_path), Has.Length.EqualTo(10_000));
        File.Move(_folder.Write("new", new byte[5]), _path, overwrite: true);
        Assert.That(lease?.IsHeld, Is.True);
        Assert.That(second?.IsHeld, Is.True);
    }
}
