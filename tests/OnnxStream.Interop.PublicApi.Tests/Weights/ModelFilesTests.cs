using System.IO.Compression;
using OnnxStream.Interop.Tests;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.PublicApi.Tests.Weights;

public class ModelFilesTests
{
    private TemporaryFolder _folder = null!;
    private TemporaryFolder _other = null!;
    private LayersModel _model = null!;
    private byte[] _expected = null!;
    private string _archive = null!;

    [SetUp]
    public void SetUp()
    {
        _folder = new TemporaryFolder();
        _other = new TemporaryFolder();
        Directory.CreateDirectory(_folder["text"]);
        Directory.CreateDirectory(_folder["onnx"]);
        using TemporaryFolder source = new();
        _model = new LayersModel(source, 5, 200);
        _expected = _model.Run(source.Path, new SessionOptions());
        foreach (string file in Directory.GetFiles(source.Path))
        {
            File.Copy(file, _folder[$"text/{Path.GetFileName(file)}"]);
        }

        Model.Load(source.Path).SaveOnnx(_folder["onnx/layers.onnx"]);
        _archive = _other["models.zip"];
        ZipFile.CreateFromDirectory(_folder.Path, _archive);
    }

    [TearDown]
    public void TearDown()
    {
        _folder.Dispose();
        _other.Dispose();
    }

    private static readonly Func<WeightsProvider>[] s_providers =
    [
        WeightsProvider.DiskNoCache, () => WeightsProvider.DiskPrefetch(), () => WeightsProvider.DiskPrefetch(100_000), () => WeightsProvider.DiskMapped(), () => WeightsProvider.Ram(),
        () => new PrefetchingProvider(1 << 20), () => WeightsProvider.Ram(new PrefetchingProvider(0)),
    ];

    [Test]
    public void AModelInAnArchiveRuns([Values("text/model.txt", "onnx/layers.onnx")] string name, [ValueSource(nameof(s_providers))] Func<WeightsProvider> create)
    {
        using ArchiveFiles files = new(_archive);
        Model model = Model.Load(files, name);
        using WeightsProvider provider = create();
        for (int threads = 1; threads <= 2; threads++)
        {
            using InferenceSession session = new(model, new SessionOptions { WeightsProvider = provider, ThreadCount = threads });
            Assert.That(_model.Run(session), Is.EqualTo(_expected));
            Assert.That(_model.Run(session), Is.EqualTo(_expected), "again");
        }
    }

    [Test]
    public void AModelInAnArchiveHasAStore([Values("text/model.txt", "onnx/layers.onnx")] string name)
    {
        SessionOptions options = new() { PanelStore = PanelStoreOptions.File(_other["s.panels"]) };
        DateTime made = default;
        for (int i = 0; i < 2; i++)
        {
            using ArchiveFiles files = new(_archive);
            using InferenceSession session = new(Model.Load(files, name), options);
            Assert.That(_model.Run(session), Is.EqualTo(_expected));
            made = i == 0 ? File.GetLastWriteTimeUtc(_other["s.panels"]) : made;
        }

        Assert.That(File.GetLastWriteTimeUtc(_other["s.panels"]), Is.EqualTo(made), "it is used again");
    }

    [Test]
    public void AModelInAnArchiveIsSavedAndSummarized()
    {
        using ArchiveFiles files = new(_archive);
        Model model = Model.Load(files, "onnx/layers.onnx");
        Assert.That(model.Path, Is.EqualTo($"{_archive}!onnx/layers.onnx"));
        Assert.That(model.Summarize().WeightBytes, Is.EqualTo(5 * 200 * 200 * sizeof(float)));
        model.SaveOnnx(_other["saved.onnx"]);
        Assert.That(_model.Run(_other["saved.onnx"], new SessionOptions()), Is.EqualTo(_expected));
        model.SaveOnnxStream(_other["saved"]);
        Assert.That(_model.Run(_other["saved"], new SessionOptions()), Is.EqualTo(_expected));
    }

    [Test]
    public void TheArchiveIsClosedTooEarly()
    {
        ArchiveFiles files = new(_archive);
        using InferenceSession session = new(Model.Load(files, "onnx/layers.onnx"));
        files.Dispose();
        Assert.That(() => session.Run(_model.Inputs), Throws.TypeOf<WeightsException>().With.Message.Contains("layers.onnx.data").And.Message.Contains("weight 'w").And.InnerException.TypeOf<ObjectDisposedException>());
    }

    [Test]
    public void WhatIsNotThere()
    {
        using ArchiveFiles files = new(_archive);
        Assert.That(() => Model.Load(files, "onnx/nothing.onnx"), Throws.TypeOf<FileNotFoundException>().With.Message.Contains(_archive));
        using (ZipArchive archive = ZipFile.Open(_other["part.zip"], ZipArchiveMode.Create))
        {
            archive.CreateEntryFromFile(_folder["onnx/layers.onnx"], "layers.onnx");
            archive.CreateEntryFromFile(_folder["text/model.txt"], "model.txt");
        }

        using ArchiveFiles part = new(_other["part.zip"]);
        Assert.That(() => Model.Load(part, "layers.onnx"), Throws.TypeOf<ModelFormatException>().With.Message.Contains("layers.onnx.data").And.Message.Contains("does not exist"));
        Assert.That(() => Model.Load(part, "model.txt"), Throws.TypeOf<ModelFormatException>().With.Message.Contains("'w0.bin'"));
    }
}
