using OnnxStream.Interop.Tests.Weights;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Panels;

/// <summary>Stores of models that are no files, and with providers of a user.</summary>
[NativeMemoryLeakCheck]
public class PanelPackerTests
{
    private TemporaryFolder _folder = null!;
    private string _store = null!;

    [SetUp]
    public void SetUp()
    {
        _folder = new TemporaryFolder();
        _store = _folder["s.panels"];
    }

    [TearDown]
    public void TearDown() => _folder.Dispose();

    [Test]
    public void AProviderOfAUserSeesNoPanel([Values(0, 1 << 20)] long windowBytes, [Values] bool half, [Values] bool ram)
    {
        using GuardedProvider provider = new(windowBytes);
        using WeightsProvider used = ram ? WeightsProvider.Ram(provider) : provider;
        for (int i = 0; i < 2; i++)
        {
            using InferenceSession session = new(Model.Load(MemoryFiles.Small(), "small.onnx"), Options(half) with { WeightsProvider = used });
            RunResult result = session.Run(SmallModel.Inputs);
            if (!half)
            {
                SmallModel.Check(result, $"session {i}");
            }
        }

        Assert.That(provider.Foreign, Is.Empty);
        Assert.That(provider.Reads, Is.GreaterThan(3));
    }

    [Test]
    public void AStoreOfASourceIsUsedAgain()
    {
        Run(MemoryFiles.Small());
        DateTime made = File.GetLastWriteTimeUtc(_store);
        Run(MemoryFiles.Small());
        Assert.That(File.GetLastWriteTimeUtc(_store), Is.EqualTo(made));
    }

    [Test]
    public void TwoVersionsOfASourceShareNoStore([Values("version", "id")] string difference)
    {
        Run(MemoryFiles.Small());
        byte[] made = File.ReadAllBytes(_store);
        MemoryFiles files = MemoryFiles.Small();
        if (difference == "version")
        {
            files["small.onnx"].VersionIs = () => "2";
        }
        else
        {
            files.Sources.Add("other.onnx", new MemorySource("memory:other.onnx", SmallModel.Onnx));
        }

        Run(files, difference == "id" ? "other.onnx" : "small.onnx");
        Assert.That(File.ReadAllBytes(_store), Is.Not.EqualTo(made), "it was made again");
    }

    [Test]
    public void ASourceThatFailsLeavesNoStore()
    {
        MemoryFiles files = MemoryFiles.Small();
        Model model = Model.Load(files, "small.onnx");
        files["small.onnx"].OnRead = _ => throw new TimeoutException("the server sleeps");
        Assert.That(() => new InferenceSession(model, Options()), Throws.TypeOf<WeightsException>().With.Message.StartsWith("memory:small.onnx: weight '"));
        Assert.That(Directory.GetFiles(_folder.Path), Is.Empty);
    }

    private SessionOptions Options(bool half = false) => new() { ThreadCount = 2, PanelStore = PanelStoreOptions.File(_store) with { ElementType = half ? ElementType.Float16 : ElementType.Float32 } };

    private void Run(MemoryFiles files, string name = "small.onnx")
    {
        using InferenceSession session = new(Model.Load(files, name), Options());
        SmallModel.Check(session.Run(SmallModel.Inputs), name);
    }
}
