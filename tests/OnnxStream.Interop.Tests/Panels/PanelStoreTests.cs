using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Panels;

[NativeMemoryLeakCheck]
public class PanelStoreTests
{
    private TemporaryFolder _folder = null!;
    private string _model = null!;
    private string _store = null!;
    private Dictionary<string, TensorBuffer> _inputs = null!;
    private TensorBuffer _expected = null!;

    [SetUp]
    public void SetUp()
    {
        _folder = new TemporaryFolder();
        _store = _folder["model.panels"];
        _model = _folder.Write("model.onnx", BuildModel(seed: 1));
        _inputs = new() { ["x"] = TestTensors.Floats(5, 1, 24, 9, 7) };
        _expected = Run(PanelStoreOptions.Off);
    }

    [TearDown]
    public void TearDown() => _folder.Dispose();

    [Test]
    public void StoredPanelsGiveTheSameBits()
    {
        TensorBuffer first = Run(PanelStoreOptions.File(_store));
        Assert.That(File.Exists(_store), Is.True);
        Assert.That(first.Bytes.SequenceEqual(_expected.Bytes), Is.True);
    }

    [Test]
    public void StoreIsUsedAgain()
    {
        Run(PanelStoreOptions.File(_store));
        byte[] written = File.ReadAllBytes(_store);
        DateTime time = File.GetLastWriteTimeUtc(_store);
        TensorBuffer again = Run(PanelStoreOptions.File(_store));
        Assert.That(File.GetLastWriteTimeUtc(_store), Is.EqualTo(time));
        Assert.That(File.ReadAllBytes(_store), Is.EqualTo(written));
        Assert.That(again.Bytes.SequenceEqual(_expected.Bytes), Is.True);
    }

    [TestCase(ElementType.Float16, 2e-3)]
    [TestCase(ElementType.BFloat16, 2e-2)]
    public void HalfOfTheBytesIsClose(ElementType type, double tolerance)
    {
        TensorBuffer actual = Run(PanelStoreOptions.File(_store) with { ElementType = type });
        Assert.That(TestTensors.RelativeRms(actual, _expected), Is.GreaterThan(0).And.LessThan(tolerance));
        long half = new FileInfo(_store).Length;
        File.Delete(_store);
        Run(PanelStoreOptions.File(_store));
        Assert.That(half, Is.LessThan(new FileInfo(_store).Length));
    }

    // Batches, threads and activations in half precision: nothing of that is in the bytes of a panel.
    [Test]
    public void PlansOfAModelShareAStore()
    {
        string model = _folder.Write("open.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, -1, 64, -1, 40).Output("y")
            .Initializer("w", TestTensors.Floats(1, 70, 64, 3, 3)).Initializer("k", TestTensors.Floats(2, 64, 70, 1, 1)).Initializer("m", TestTensors.Floats(3, 40, 1300))
            .Node("Conv", "x w", "c", ("pads", new[] { 1, 1, 1, 1 }), ("strides", new[] { 1, 1 })).Node("Conv", "c k", "d").Node("MatMul", "d m", "y").ToBytes());
        Recorder recorder = new();
        SessionOptions options = new() { ThreadCount = 1, PanelStore = PanelStoreOptions.File(_store) with { Progress = recorder } };
        Run(1, 9, options);
        Assert.That(recorder.Reports, Is.Not.Empty);
        byte[] written = File.ReadAllBytes(_store);
        recorder.Reports.Clear();
        Run(1, 9, options);
        Run(3, 9, options with { ThreadCount = 3 });
        Run(1, 11, options with { ActivationElementType = ElementType.Float16 }, tolerance: 2e-3);
        Assert.That(recorder.Reports, Is.Empty, "nothing was packed");
        Assert.That(File.ReadAllBytes(_store), Is.EqualTo(written));
        Assert.That(Directory.GetFiles(_folder.Path, "*.panels"), Has.Length.EqualTo(1));

        // A larger image is convolved by another algorithm. Its panels lie beside those that are there, which stay as they are.
        Run(1, 40, options);
        int added = recorder.Reports[^1].PanelCount;
        Assert.That(added, Is.GreaterThan(0));
        recorder.Reports.Clear();
        Run(2, 44, options);
        Run(1, 9, options);
        Assert.That(recorder.Reports, Is.Empty);
        Assert.That(File.ReadAllBytes(_store), Is.EqualTo(written));
        Assert.That(Directory.GetFiles(_folder.Path, "*.panels").Order(), Is.EqualTo(new[] { _folder["model.2.panels"], _store }));
        Assert.That(PanelStoreFile.FindAll(_folder.Path).Select(file => file.State), Is.All.EqualTo(PanelStoreState.Complete));

        // Of another model, neither is any use.
        File.SetLastWriteTimeUtc(model, DateTime.UtcNow.AddMinutes(1));
        Run(1, 9, options);
        Assert.That(Directory.GetFiles(_folder.Path, "*.panels"), Is.EqualTo(new[] { _store }));

        void Run(long batch, long height, SessionOptions options, double tolerance = 1e-6)
        {
            Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(5, batch, 64, height, 40) };
            using InferenceSession packing = new(model, new SessionOptions { ThreadCount = 2 });
            using InferenceSession session = new(model, options);
            Assert.That(TestTensors.RelativeRms(session.Run(inputs)["y"], packing.Run(inputs)["y"]), Is.LessThan(tolerance));
        }
    }

    [Test]
    public void PackingWritesTheStoreAndComputesNothing()
    {
        string model = _folder.Write("open.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, -1, 300).Output("y")
            .Initializer("w", TestTensors.Floats(1, 300, 400)).Node("MatMul", "x w", "y").ToBytes());
        Dictionary<string, TensorType> types = new() { ["x"] = new TensorType(ElementType.Float32, new Shape(5, 300)) };
        SessionOptions options = new() { PanelStore = PanelStoreOptions.File(_store) };
        using (InferenceSession session = new(model, options))
        {
            Assert.That(session.Plan(types).PanelStorePath, Is.EqualTo(_store));
            Assert.That(File.Exists(_store), Is.False);
            Assert.That(session.Pack(types).PanelStorePath, Is.EqualTo(_store));
            Assert.That(File.Exists(_store), Is.True);
        }

        using InferenceSession planning = new(model, options with { PlanOnly = true });
        Assert.That(() => planning.Pack(types), Throws.InvalidOperationException);
    }

    [Test]
    public void OtherTypesAreRefused() =>
        Assert.That(() => PanelStoreOptions.Off with { ElementType = ElementType.Int64 }, Throws.ArgumentException.With.Message.Contains("Float32, Float16, BFloat16, Int8, Int4"));

    // Panels lie in more blocks than may be resident.
    [TestCase(1)]
    [TestCase(2)]
    public void PanelsAreUsedWhereTheyLie(int threads)
    {
        string model = _folder.Write("large.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, 40, 1000)
            .Initializer("v", TestTensors.Floats(1, 1000, 4500)).Initializer("w", TestTensors.Floats(2, 4500, 1000)).Node("MatMul", "x v", "m").Node("MatMul", "m w", "y").Output("y").ToBytes());
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(3, 40, 1000) };
        SessionOptions options = new() { ThreadCount = threads, PanelStore = PanelStoreOptions.File(_store) };
        (byte[] read, PlanSummary reading) = Run(options with { WeightsProvider = WeightsProvider.DiskNoCache() });
        (byte[] mapped, PlanSummary mapping) = Run(options);
        (byte[] budgeted, PlanSummary budget) = Run(options with { MemoryBudget = reading.SmallestBudgetBytes });
        Assert.That(mapped, Is.EqualTo(read));
        Assert.That(budgeted, Is.EqualTo(read));
        Assert.That(mapping.PeakBytes, mapping.WeightBufferBytes == 0 ? Is.GreaterThan(reading.PeakBytes) : Is.EqualTo(reading.PeakBytes), "mapped, or read where that is quicker");
        Assert.That(budget with { Steps = [], Parts = [], BudgetBytes = null }, Is.EqualTo(reading with { Steps = [], Parts = [] }));

        // Where there is no lease, the file is read.
        using (File.Open(_store, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            (byte[] unleased, _) = Run(options, checksPeak: false);
            Assert.That(unleased, Is.EqualTo(read));
        }

        (byte[] Result, PlanSummary Plan) Run(SessionOptions options, bool checksPeak = true)
        {
            using WeightsProvider? provider = options.WeightsProvider;
            using InferenceSession session = new(model, options);
            long live = CountedMemory.LiveBytes;
            RunResult result = session.Run(inputs);
            session.Run(inputs);
            Assert.That(CountedMemory.LiveBytes, Is.EqualTo(live), "what was mapped has gone");
            PlanSummary plan = session.Plan();
            if (checksPeak)
            {
                Assert.That(result.Statistics.PeakNativeBytes, Is.LessThan(plan.PeakBytes + 64_000).And.GreaterThan(plan.PeakBytes - (4 << 20)));
            }

            return (result["y"].Bytes.ToArray(), plan);
        }
    }

    [Test]
    public void NothingIsLeftWhereThereIsNoMemoryForBlocks([Values(0, 1, 2)] int allocations)
    {
        PanelStorePart part = new(_store, PanelFormats.Default.Identity);
        part.Add(1, [3 * BlockWriter.BlockBytes], PanelFormats.Default);
        CountedMemory.FailureCountdown = allocations;
        try
        {
            Assert.That(() => new StoreWriter(part, 1, _model, blocks: 3, replaces: true, _ => false), Throws.InstanceOf<NativeMemoryException>());
        }
        finally
        {
            CountedMemory.FailureCountdown = -1;
        }

        Assert.That(Directory.GetFiles(_folder.Path), Is.EqualTo(new[] { _model }));
    }

    [Test]
    [Platform("Linux")]
    public void AWriterWaitsForTheRunWhichEnds()
    {
        Run(PanelStoreOptions.File(_store));
        using WeightsProvider provider = WeightsProvider.DiskPrefetch();
        WeightRange range = new("panel", new FileSource(_store) { IsPanelStore = true }, 4096, 1000) { IsPanel = true };
        using WeightStream stream = provider.OpenStream([range], [], 0, memory: new WeightMemory(0, 0, 4 << 20));
        stream.BeginRun();
        Use(stream);
        Task writer = Task.Run(() =>
        {
            using FileStream file = new(_store, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            file.SetLength(100);
        });
        Assert.That(() => Use(stream), Throws.TypeOf<WeightsException>().With.Message.Contains(_store).And.Message.Contains("about to write").After(10_000, 5));
        Assert.That(writer.IsCompleted, Is.False);
        stream.EndRun();
        Assert.That(writer.Wait(TimeSpan.FromSeconds(10)), Is.True);
        Assert.That(stream.BeginRun, Throws.TypeOf<WeightsException>());

        static unsafe void Use(WeightStream stream)
        {
            _ = stream.Acquire(0);
            stream.Release(0);
        }
    }

    // Winograd's transformed kernels are stored, too.
    [TestCase(ElementType.Float32, 0.0)]
    [TestCase(ElementType.Float16, 2e-3)]
    [TestCase(ElementType.BFloat16, 2e-2)]
    [TestCase(ElementType.Int8, 2e-2)]
    public void LargeConvolution(ElementType type, double tolerance)
    {
        string model = _folder.Write("large.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, 1, 24, 33, 31).Output("y")
            .Initializer("w", TestTensors.Floats(6, 1100, 24, 3, 3)).Initializer("b", TestTensors.Floats(7, 1100)).Node("Conv", "x w b", "y", ("pads", new[] { 1, 1, 1, 1 })).ToBytes());
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(5, 1, 24, 33, 31) };
        using InferenceSession packing = new(model, new SessionOptions { ThreadCount = 2 });
        TensorBuffer expected = packing.Run(inputs)["y"];
        for (int i = 0; i < 2; i++)
        {
            using InferenceSession session = new(model, new SessionOptions { ThreadCount = 2, PanelStore = PanelStoreOptions.File(_store) with { ElementType = type } });
            Assert.That(TestTensors.RelativeRms(session.Run(inputs)["y"], expected), Is.LessThanOrEqualTo(tolerance));
        }
    }

    [Test]
    public void StoreOfAnotherModelIsMadeAgain()
    {
        Run(PanelStoreOptions.File(_store));
        File.WriteAllBytes(_model, BuildModel(seed: 2));
        File.SetLastWriteTimeUtc(_model, DateTime.UtcNow.AddMinutes(1));
        TensorBuffer expected = Run(PanelStoreOptions.Off);
        Assert.That(expected.Bytes.SequenceEqual(_expected.Bytes), Is.False);
        Assert.That(Run(PanelStoreOptions.File(_store)).Bytes.SequenceEqual(expected.Bytes), Is.True);
    }

    [TestCase("the bias in a file of its own")]
    [TestCase("the scale of 8-bit numbers")]
    [TestCase("a link to another file")]
    public void StoreOfAChangedFolderIsMadeAgain(string change)
    {
        string model = Path.Combine(_folder.Path, "text");
        Directory.CreateDirectory(model);
        Describe("0.01");
        File.WriteAllBytes(Path.Combine(model, "w.bin"), [.. Enumerable.Range(0, 12000).Select(i => (byte)(i * 7))]);
        _folder.Write("first", TestTensors.Floats(1, 300).Bytes);
        _folder.Write("second", TestTensors.Floats(2, 300).Bytes);
        File.CreateSymbolicLink(Path.Combine(model, "b.bin"), _folder["first"]);
        TensorBuffer before = RunFolder(PanelStoreOptions.File(_store));
        switch (change)
        {
            case "the scale of 8-bit numbers":
                Describe("0.02");
                break;
            case "the bias in a file of its own":
                _folder.Write("first", TestTensors.Floats(2, 300).Bytes);
                File.SetLastWriteTimeUtc(_folder["first"], DateTime.UtcNow.AddMinutes(1));
                break;
            default:
                File.SetLastWriteTimeUtc(_folder["second"], DateTime.UtcNow.AddMinutes(1));
                File.Delete(Path.Combine(model, "b.bin"));
                File.CreateSymbolicLink(Path.Combine(model, "b.bin"), _folder["second"]);
                break;
        }

        TensorBuffer expected = RunFolder(PanelStoreOptions.Off);
        Assert.That(expected.Bytes.SequenceEqual(before.Bytes), Is.False);
        Assert.That(RunFolder(PanelStoreOptions.File(_store)).Bytes.SequenceEqual(expected.Bytes), Is.True);

        void Describe(string scale) =>
            File.WriteAllText(Path.Combine(model, "model.txt"), $"g:Gemm*input:x(2,40);w.bin(uint8[{scale},100]:40,300);b.bin(float32:300)*output:y(2,300)\n");

        TensorBuffer RunFolder(PanelStoreOptions options)
        {
            using InferenceSession session = new(model, new SessionOptions { PanelStore = options, ThreadCount = 2 });
            return session.Run(new Dictionary<string, TensorBuffer> { ["x"] = TestTensors.Floats(3, 2, 40) })["y"];
        }
    }

    [Test]
    public void StoreOfAnotherElementTypeIsMadeAgain()
    {
        Run(PanelStoreOptions.File(_store) with { ElementType = ElementType.Float16 });
        Assert.That(Run(PanelStoreOptions.File(_store)).Bytes.SequenceEqual(_expected.Bytes), Is.True);
    }

    [TestCase(0)]
    [TestCase(10)]
    [TestCase(100)]
    [TestCase(5000)]
    [TestCase(-1)]
    [TestCase(-4096)]
    public void TruncatedStoreIsMadeAgain(int length)
    {
        Run(PanelStoreOptions.File(_store));
        byte[] written = File.ReadAllBytes(_store);
        File.WriteAllBytes(_store, written[..(length >= 0 ? length : LastPanelEnd() + length)]);

        Assert.That(Run(PanelStoreOptions.File(_store)).Bytes.SequenceEqual(_expected.Bytes), Is.True);
        Assert.That(File.ReadAllBytes(_store), Is.EqualTo(written));
    }

    // Header, index and the model's path: what is not used is harmless, everything else is noticed.
    [Test]
    public void StoreWithADamagedHeaderOrIndexIsMadeAgain()
    {
        Run(PanelStoreOptions.File(_store));
        byte[] written = File.ReadAllBytes(_store);
        int index = (int)BitConverter.ToInt64(written, 48);
        foreach (int position in Enumerable.Range(0, 64).Concat(Enumerable.Range(index, written.Length - index).Where(position => position % 7 == 0)))
        {
            Flip(position);
            Assert.That(Run(PanelStoreOptions.File(_store)).Bytes.SequenceEqual(_expected.Bytes), Is.True, $"byte {position}");
            File.WriteAllBytes(_store, written);
        }
    }

    [Test]
    public void DamagedPanelIsFoundAndTheStoreMadeAgain([Values(ElementType.Float32, ElementType.Float16, ElementType.BFloat16)] ElementType type)
    {
        PanelStoreOptions options = PanelStoreOptions.File(_store) with { ElementType = type };
        TensorBuffer expected = Run(options);
        byte[] written = File.ReadAllBytes(_store);
        foreach (int position in (int[])[4096 + 17, LastPanelEnd() - 1])
        {
            Flip(position);
            Assert.That(() => Run(options), Throws.TypeOf<WeightsException>().With.Message.Contains("damaged").And.Message.Contains(_store).And.Message.Contains("made again"));
            Assert.That(Run(options).Bytes.SequenceEqual(expected.Bytes), Is.True);
            Assert.That(File.ReadAllBytes(_store), Is.EqualTo(written));
        }
    }

    [Test]
    public void DamagedPanelOfWinogradsConvolutionIsFound()
    {
        string model = _folder.Write("large.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, 1, 24, 33, 31).Output("y")
            .Initializer("w", TestTensors.Floats(6, 96, 24, 3, 3)).Node("Conv", "x w", "y", ("pads", new[] { 1, 1, 1, 1 })).ToBytes());
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(5, 1, 24, 33, 31) };
        SessionOptions options = new() { PanelStore = PanelStoreOptions.File(_store), ThreadCount = 2 };
        using (InferenceSession packing = new(model, options))
        {
            packing.Run(inputs);
        }

        Flip(LastPanelEnd() - 1);
        using (InferenceSession damaged = new(model, options))
        {
            Assert.That(() => damaged.Run(inputs), Throws.TypeOf<WeightsException>().With.Message.Contains("damaged"));
        }

        using InferenceSession again = new(model, options);
        Assert.That(() => again.Run(inputs), Throws.Nothing);
    }

    // What cannot be deleted, as files in use on Windows, must be deleted by its user. Here a folder has taken the file's name.
    [Test]
    [Platform(Include = "Linux,MacOSX")]
    public void DamagedPanelOfAStoreThatCannotBeDeleted()
    {
        Run(PanelStoreOptions.File(_store));
        Flip(4096 + 17);
        using InferenceSession session = new(_model, new SessionOptions { ThreadCount = 2, PanelStore = PanelStoreOptions.File(_store) });
        File.Move(_store, _folder["moved"]);
        Directory.CreateDirectory(_store);
        Assert.That(() => session.Run(_inputs), Throws.TypeOf<WeightsException>().With.Message.Contains("Delete the file"));
    }

    [Test]
    [Platform(Include = "Linux,MacOSX")]
    public void StoreThatIsDeletedWhileASessionIsOpenServesIt()
    {
        Run(PanelStoreOptions.File(_store));
        using InferenceSession session = new(_model, new SessionOptions { ThreadCount = 2, PanelStore = PanelStoreOptions.File(_store) });
        File.Delete(_store);
        for (int i = 0; i < 2; i++)
        {
            Assert.That(session.Run(_inputs)["o"].Bytes.SequenceEqual(_expected.Bytes), Is.True);
        }
    }

    // The file that the store is written to beside its place is one of a device that is always full.
    [Test]
    [Platform(Include = "Linux")]
    public void FullDiskLeavesNothing([Values] bool isAutomatic)
    {
        WithCacheFolder(() =>
        {
            Run(PanelStoreOptions.Auto);
            string store = Directory.GetFiles(_folder["cache"]).Single();
            File.Delete(store);
            Func<string> before = StoreWriter.NewName;
            StoreWriter.NewName = () => "full";
            File.CreateSymbolicLink($"{store}.full.partial", "/dev/full");
            if (isAutomatic)
            {
                using InferenceSession session = new(_model, new SessionOptions { ThreadCount = 2, PanelStore = PanelStoreOptions.Auto });
                Assert.That(session.Run(_inputs)["o"].Bytes.SequenceEqual(_expected.Bytes), Is.True, "it runs all the same");
                Assert.That(session.Plan().KeptPanelBytes, Is.GreaterThan(0), "and packs once");
            }
            else
            {
                Assert.That(() => Run(PanelStoreOptions.File(store)), Throws.InstanceOf<IOException>().With.Message.Contains("No space left"));
            }

            StoreWriter.NewName = before;
            Assert.That(Directory.GetFileSystemEntries(_folder["cache"]), Is.Empty);
            Assert.That(Run(PanelStoreOptions.File(store)).Bytes.SequenceEqual(_expected.Bytes), Is.True);
        });
    }

    [Test]
    public void ProgressIsReportedForEachPanel([Values(1, 2)] int threads)
    {
        Recorder recorder = new();
        Pack(recorder, threads, CancellationToken.None);
        int count = recorder.Reports[0].PanelCount;
        Assert.That(count, Is.GreaterThanOrEqualTo(3));
        Assert.That(recorder.Reports.Select(report => report.Panel).Order(), Is.EqualTo(Enumerable.Range(0, count + 1)));
        Assert.That(recorder.Reports.Select(report => report.Path).Distinct(), Is.EqualTo(new[] { _store }));
        recorder.Reports.Clear();
        Pack(recorder, threads, CancellationToken.None);
        Assert.That(recorder.Reports, Is.Empty, "there was nothing to pack");
    }

    // Every shape that is new has a plan of its own, and the first that is finished writes the first file.
    [Test]
    public void NameOfAPlanThatIsGivenUpIsFreeAgain()
    {
        string model = _folder.Write("open.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, 1, 64, -1, 40).Output("y")
            .Initializer("w", TestTensors.Floats(1, 70, 64, 3, 3)).Node("Conv", "x w", "y", ("pads", new[] { 1, 1, 1, 1 })).ToBytes());
        bool fails = true;
        Recorder recorder = new() { Action = _ => { if (fails) { throw new TimeoutException("a listener"); } } };
        using InferenceSession session = new(model, new SessionOptions { ThreadCount = 1, PanelStore = PanelStoreOptions.File(_store) with { Progress = recorder } });
        Assert.That(() => Run(9), Throws.TypeOf<TimeoutException>());
        Assert.That(Directory.GetFiles(_folder.Path, "*.panels"), Is.Empty);
        fails = false;
        Run(40);
        Assert.That(Directory.GetFiles(_folder.Path, "*.panels"), Is.EqualTo(new[] { _store }));

        void Run(long height) => session.Run(new Dictionary<string, TensorBuffer> { ["x"] = TestTensors.Floats(5, 1, 64, height, 40) });
    }

    // As two processes would: each begins to write what the store lacks before the other one has written it.
    [Test]
    public void TwoThatWriteTheSameStore([Values(0, 1)] int first, [Values] bool isStale, [Values] bool sameShapes)
    {
        if (isStale)
        {
            File.WriteAllText(_store, "something else");
        }

        string model = _folder.Write("two.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, 1, 64, -1, 40).Initializer("w", TestTensors.Floats(1, 64, 64, 3, 3))
            .Initializer("m", TestTensors.Floats(2, 40, 300)).Node("Conv", "x w", "c", ("pads", new[] { 1, 1, 1, 1 })).Node("MatMul", "c m", "y").Output("y").ToBytes());
        using InferenceSession plain = new(model);
        using InferenceSession other = new(model, new SessionOptions { ThreadCount = 1, PanelStore = PanelStoreOptions.File(_store) });
        bool hasRun = false;
        Recorder recorder = new()
        {
            Action = report =>
            {
                if (report.Panel == first && !hasRun)
                {
                    hasRun = true;
                    Check(other, sameShapes ? 40 : 3);
                }
            },
        };
        using InferenceSession session = new(model, new SessionOptions { ThreadCount = 1, PanelStore = PanelStoreOptions.File(_store) with { Progress = recorder } });
        Check(session, 40);
        Assert.That(hasRun, Is.True);
        Check(other, 40);
        Check(session, 3);
        Assert.That(Directory.GetFiles(_folder.Path, "*.partial"), Is.Empty);

        // Nothing is packed again by those who come later.
        Recorder later = new();
        using InferenceSession third = new(model, new SessionOptions { ThreadCount = 1, PanelStore = PanelStoreOptions.File(_store) with { Progress = later } });
        Check(third, 40);
        Check(third, 3);
        Assert.That(later.Reports, Is.Empty);

        void Check(InferenceSession any, long height)
        {
            Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(5, 1, 64, height, 40) };
            Assert.That(TestTensors.RelativeRms(any.Run(inputs)["y"], plain.Run(inputs)["y"]), Is.LessThan(1e-5));
        }
    }

    [Test]
    public void CancellingAtAnyPanelLeavesNothing([Values(1, 2)] int threads)
    {
        long live = MemoryDiagnostics.LiveBytes;
        for (int panel = 0; ; panel++)
        {
            using CancellationTokenSource source = new();
            Recorder recorder = new() { Action = report => { if (report.Panel == panel) { source.Cancel(); } } };
            Assert.That(() => Pack(recorder, threads, source.Token), Throws.InstanceOf<OperationCanceledException>(), $"panel {panel}");
            Assert.That(Directory.GetFiles(_folder.Path), Has.Length.EqualTo(1));
            Assert.That(MemoryDiagnostics.LiveBytes, Is.EqualTo(live));
            if (panel == recorder.Reports[0].PanelCount)
            {
                break;
            }
        }

        Assert.That(() => Pack(null, threads, new CancellationToken(canceled: true)), Throws.InstanceOf<OperationCanceledException>());
        Pack(null, threads, CancellationToken.None);
        Assert.That(Run(PanelStoreOptions.File(_store)).Bytes.SequenceEqual(_expected.Bytes), Is.True);
    }

    [Test]
    public void AllocationsThatFailWhilePackingLeaveNothing([Values(1, 2)] int threads)
    {
        Model model = Model.Load(_model);
        long live = MemoryDiagnostics.LiveBytes;
        int failures = 0;
        try
        {
            for (int n = 0; ; n++)
            {
                CountedMemory.FailureCountdown = n;
                try
                {
                    using InferenceSession session = new(model, new SessionOptions { ThreadCount = threads, PanelStore = PanelStoreOptions.File(_store) });
                    if (CountedMemory.FailureCountdown >= 0)
                    {
                        break;
                    }

                    CountedMemory.FailureCountdown = -1;
                    Assert.That(session.Run(_inputs)["o"].Bytes.SequenceEqual(_expected.Bytes), Is.True, $"allocation {n}");
                    File.Delete(_store);
                }
                catch (NativeMemoryException)
                {
                    failures++;

                    // The store may have been complete when the session itself found no memory.
                    File.Delete(_store);
                }

                CountedMemory.FailureCountdown = -1;
                Assert.That(MemoryDiagnostics.LiveBytes, Is.EqualTo(live), $"allocation {n}");
                Assert.That(Directory.GetFiles(_folder.Path), Has.Length.EqualTo(1), $"allocation {n}");
            }
        }
        finally
        {
            CountedMemory.FailureCountdown = -1;
        }

        Assert.That(failures, Is.GreaterThan(10));
        Assert.That(Run(PanelStoreOptions.File(_store)).Bytes.SequenceEqual(_expected.Bytes), Is.True);
    }

    [Test]
    public void StoresInAFolderAreFound()
    {
        string folder = _folder["stores"];
        Assert.That(PanelStoreFile.FindAll(folder), Is.Empty);
        Run(PanelStoreOptions.File(Path.Combine(folder, "a.panels")));
        File.WriteAllText(Path.Combine(folder, "b.panels"), "something else");
        File.WriteAllText(Path.Combine(folder, "c.panels.1.partial"), "");
        File.WriteAllText(Path.Combine(folder, "notes.txt"), "");
        using FileStream writer = new(Path.Combine(folder, "d.panels.2.partial"), FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        Assert.That(PanelStoreFile.FindAll(folder).Select(file => (Path.GetFileName(file.Path), file.State, file.ModelPath)).Order(), Is.EqualTo(new[]
        {
            ("a.panels", PanelStoreState.Complete, _model),
            ("b.panels", PanelStoreState.Unknown, null),
            ("c.panels.1.partial", PanelStoreState.LeftBehind, null),
            ("d.panels.2.partial", PanelStoreState.BeingWritten, null),
        }));
    }

    [Test]
    public void NothingIsLeftWhereAStoreCannotBeWritten()
    {
        string place = Path.Combine(_folder["model.onnx"], "store");
        Assert.That(() => Run(PanelStoreOptions.File(place)), Throws.InstanceOf<IOException>());
        Assert.That(Directory.GetFiles(_folder.Path), Has.Length.EqualTo(1));
    }

    [Test]
    public void AutomaticStoreLiesInTheCacheFolder() => WithCacheFolder(() =>
    {
        Assert.That(Run(PanelStoreOptions.Auto).Bytes.SequenceEqual(_expected.Bytes), Is.True);
        Assert.That(Directory.GetFiles(_folder["cache"], "*.panels"), Has.Length.EqualTo(1));
    });

    // A convolution, a Gemm with its bias and a product: each way in which weights lie.
    private static byte[] BuildModel(int seed) => new ModelBuilder(13)
        .Input("x", ElementType.Float32, 1, 24, 9, 7)
        .Initializer("w", TestTensors.Floats(seed, 70, 24, 3, 3)).Initializer("b", TestTensors.Floats(seed + 10, 70))
        .Initializer("g", TestTensors.Floats(seed + 20, 40, 35)).Initializer("c", TestTensors.Floats(seed + 30, 40))
        .Initializer("m", TestTensors.Floats(seed + 40, 40, 33))
        .Initializer("shape", TestTensors.Integers(-1, 35))
        .Node("Conv", "x w b", "y").Node("Reshape", "y shape", "r").Node("Gemm", "r g c", "z", ("transB", 1)).Node("MatMul", "z m", "o")
        .Output("o").ToBytes();

    private void WithCacheFolder(Action test)
    {
        string? before = Environment.GetEnvironmentVariable("ONNXSTREAM_PANEL_CACHE");
        try
        {
            Environment.SetEnvironmentVariable("ONNXSTREAM_PANEL_CACHE", _folder["cache"]);
            test();
        }
        finally
        {
            Environment.SetEnvironmentVariable("ONNXSTREAM_PANEL_CACHE", before);
        }
    }

    private TensorBuffer Run(PanelStoreOptions options, int runs = 2)
    {
        using InferenceSession session = new(_model, new SessionOptions { ThreadCount = 2, PanelStore = options });
        for (int i = 1; i < runs; i++)
        {
            session.Run(_inputs);
        }

        return session.Run(_inputs)["o"];
    }

    private void Pack(IProgress<PackingProgress>? progress, int threads, CancellationToken cancellationToken) =>
        new InferenceSession(_model, new SessionOptions { ThreadCount = threads, PanelStore = PanelStoreOptions.File(_store) with { Progress = progress, CancellationToken = cancellationToken } }).Dispose();

    // The last entry of the index says where the last panel lies.
    private int LastPanelEnd()
    {
        byte[] bytes = File.ReadAllBytes(_store);
        int entry = (int)BitConverter.ToInt64(bytes, 48) + 40 * (BitConverter.ToInt32(bytes, 32) - 1);
        return (int)(BitConverter.ToInt64(bytes, entry + 16) + BitConverter.ToInt64(bytes, entry + 24));
    }

    private void Flip(int position)
    {
        byte[] bytes = File.ReadAllBytes(_store);
        bytes[position] ^= 4;
        File.WriteAllBytes(_store, bytes);
    }

    private sealed class Recorder : IProgress<PackingProgress>
    {
        private readonly Lock _lock = new();

        public List<PackingProgress> Reports { get; } = [];

        public Action<PackingProgress>? Action { get; init; }

        public void Report(PackingProgress value)
        {
            lock (_lock)
            {
                Reports.Add(value);
            }

            Action?.Invoke(value);
        }
    }
}
