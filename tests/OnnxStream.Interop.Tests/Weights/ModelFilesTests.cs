using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Weights;

public class ModelFilesTests
{
    [TestCase("a.bin", "a.bin")]
    [TestCase("./a/./b.bin", "a/b.bin")]
    [TestCase("a\\b.bin", "a/b.bin")]
    [TestCase("a//b.bin", "a/b.bin")]
    public void NamesAreSimple(string name, string seen)
    {
        MemoryFiles files = new();
        Assert.That(files.Find(name), Is.Null);
        Assert.That(files.Asked, Is.EqualTo(new[] { seen }));
    }

    [TestCase("/etc/passwd")]
    [TestCase("\\etc\\passwd")]
    [TestCase("../a.bin")]
    [TestCase("a/../../b.bin")]
    [TestCase("a/..")]
    [TestCase("C:\\a.bin")]
    [TestCase("a.bin:stream")]
    [TestCase("a\0b")]
    public void NamesThatLeadOutAreRefused(string name)
    {
        // A resolver of a user is never asked for them.
        MemoryFiles files = new();
        Assert.That(() => files.Find(name), Throws.TypeOf<ModelFormatException>().With.Message.Contains("leaves the model's folder"));
        Assert.That(files.Asked, Is.Empty);
    }

    [Test]
    public void WhatItThrowsIsReportedWithTheName()
    {
        MemoryFiles files = new() { Failure = new IOException("the cable is out") };
        Assert.That(() => Model.Load(files, "m.onnx"), Throws.TypeOf<WeightsException>().With.Message.EqualTo("memory:: 'm.onnx' cannot be opened: the cable is out"));
    }

    [Test]
    public void LinksOutOfAFolderAreFollowedWhereThatIsAllowed([Values] bool followsLinks)
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder["model"]);
        string target = folder.Write("blob", [1, 2, 3]);
        File.CreateSymbolicLink(folder["model/w.bin"], target);
        FolderFiles files = new(folder["model"], followsLinks);
        if (followsLinks)
        {
            Assert.That(files.Find("w.bin")!.Length, Is.EqualTo(3));
        }
        else
        {
            Assert.That(() => files.Find("w.bin"), Throws.TypeOf<ModelFormatException>().With.Message.Contains("outside of the model's folder"));
        }

        File.Delete(target);
        Assert.That(new FolderFiles(folder["model"], followsLinks: true).Find("w.bin"), Is.Null, "a broken link is no file");
        Assert.That(files.Find("nothing"), Is.Null);
        Assert.That(files.Find("."), Is.Null, "a folder is no file");
    }
}
