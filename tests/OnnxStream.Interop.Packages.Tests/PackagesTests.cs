using System.IO.Compression;
using System.Reflection.Metadata;

namespace OnnxStream.Interop.Packages.Tests;

public class PackagesTests
{
    private const long NativeLimit = 3L << 20;
    private const long TogetherLimit = 6L << 20;

    private static readonly string[] s_rids = ["linux-x64", "linux-arm64"];

    [TestCase("OnnxStream.Interop")]
    [TestCase("OnnxStream.Interop.Bindings")]
    [TestCase("OnnxStream.Interop.Diffusion")]
    [TestCase("OnnxStream.Interop.Embeddings")]
    [TestCase("OnnxStream.Interop.Fleet")]
    [TestCase("OnnxStream.Interop.Http")]
    [TestCase("OnnxStream.Interop.Language")]
    [TestCase("OnnxStream.Interop.Pipelines")]
    [TestCase("OnnxStream.Interop.Server")]
    [TestCase("OnnxStream.Interop.Speech")]
    [TestCase("OnnxStream.Interop.Vision")]
    [TestCase("OnnxStream.Interop.Native")]
    [TestCase("OnnxStream.Interop.Native.linux-x64")]
    [TestCase("OnnxStream.Interop.Native.linux-arm64")]
    [TestCase("OnnxStream.Interop.Cli")]
    [TestCase("OnnxStream.Interop.Cli.any")]
    [TestCase("OnnxStream.Interop.Cli.linux-x64")]
    [TestCase("OnnxStream.Interop.Cli.linux-arm64")]
    public void EveryPackageHasItsLicencesAndNoBuildLogic(string id)
    {
        string[] names = [.. Packages.Entries(id).Select(entry => entry.Name)];
        Assert.That(names, Does.Contain("LICENSE").And.Contain("THIRD-PARTY-NOTICES.txt").And.Contain("README.md"));
        Assert.That(names.Where(name => name.EndsWith(".targets", StringComparison.Ordinal) || name.EndsWith(".props", StringComparison.Ordinal) || name == "runtime.json"), Is.Empty);
    }

    [TestCaseSource(nameof(s_rids))]
    public void NativeLibrariesAreSmall(string rid)
    {
        (string Name, long Length)[] libraries = [.. Packages.Entries($"OnnxStream.Interop.Native.{rid}").Where(entry => entry.Name.StartsWith("runtimes/", StringComparison.Ordinal))];
        Assert.That(libraries.Select(entry => entry.Name), Is.EqualTo((string[])[$"runtimes/{rid}/native/libonnxstream_xnnpack.so"]));
        Assert.That(libraries[0].Length, Is.GreaterThan(100_000).And.LessThanOrEqualTo(NativeLimit));
        string[] all = ["OnnxStream.Interop", "OnnxStream.Interop.Bindings", "OnnxStream.Interop.Pipelines", "OnnxStream.Interop.Diffusion", "OnnxStream.Interop.Http", "OnnxStream.Interop.Language", "OnnxStream.Interop.Native", $"OnnxStream.Interop.Native.{rid}"];
        Assert.That(all.Sum(id => new FileInfo(Packages.File(id)).Length), Is.LessThanOrEqualTo(TogetherLimit));
    }

    [TestCase("OnnxStream.Interop")]
    [TestCase("OnnxStream.Interop.Bindings")]
    [TestCase("OnnxStream.Interop.Diffusion")]
    [TestCase("OnnxStream.Interop.Embeddings")]
    [TestCase("OnnxStream.Interop.Http")]
    [TestCase("OnnxStream.Interop.Language")]
    public void ManagedPackagesHaveSymbolsWithoutPathsOfThisMachine(string id)
    {
        string symbols = Path.ChangeExtension(Packages.File(id), ".snupkg");
        Assert.That(symbols, Does.Exist);
        using ZipArchive archive = ZipFile.OpenRead(symbols);
        using MemoryStream bytes = new();
        using (Stream entry = archive.GetEntry($"lib/net10.0/{id}.pdb")!.Open())
        {
            entry.CopyTo(bytes);
        }

        bytes.Position = 0;
        using MetadataReaderProvider provider = MetadataReaderProvider.FromPortablePdbStream(bytes);
        MetadataReader reader = provider.GetMetadataReader();
        string[] documents = [.. reader.Documents.Select(document => reader.GetString(reader.GetDocument(document).Name))];
        Assert.That(documents, Is.Not.Empty.And.All.StartWith("/_/"), "as a deterministic build has them");
    }

    [Test]
    public void TheLibraryBringsTheNativeOnes()
    {
        Assert.That(Nuspec("OnnxStream.Interop"), Does.Contain("<dependency id=\"OnnxStream.Interop.Native\""));
        string meta = Nuspec("OnnxStream.Interop.Native");
        foreach (string rid in s_rids)
        {
            _ = Packages.File($"OnnxStream.Interop.Native.{rid}");
            Assert.That(meta, Does.Contain($"<dependency id=\"OnnxStream.Interop.Native.{rid}\""));
        }
    }

    private static string Nuspec(string id)
    {
        using ZipArchive archive = ZipFile.OpenRead(Packages.File(id));
        using StreamReader reader = new(archive.GetEntry($"{id}.nuspec")!.Open());
        return reader.ReadToEnd();
    }
}
