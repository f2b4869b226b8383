using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Weights;

[NativeMemoryLeakCheck]
public class WeightsProviderTests
{
    private static IEnumerable<TestCaseData> Providers()
    {
        yield return new TestCaseData((Func<WeightsProvider>)WeightsProvider.DiskNoCache).SetArgDisplayNames("no cache");
        yield return new TestCaseData((Func<WeightsProvider>)(() => WeightsProvider.DiskPrefetch())).SetArgDisplayNames("prefetch");
        yield return new TestCaseData((Func<WeightsProvider>)(() => WeightsProvider.DiskPrefetch(1))).SetArgDisplayNames("prefetch one range");
        yield return new TestCaseData((Func<WeightsProvider>)(() => WeightsProvider.DiskPrefetch(20_000))).SetArgDisplayNames("prefetch little");
        yield return new TestCaseData((Func<WeightsProvider>)(() => WeightsProvider.DiskMapped())).SetArgDisplayNames("mapped");
        yield return new TestCaseData((Func<WeightsProvider>)(() => WeightsProvider.DiskMapped(0))).SetArgDisplayNames("mapped without a window");
        yield return new TestCaseData((Func<WeightsProvider>)(() => WeightsProvider.Ram())).SetArgDisplayNames("ram");
        yield return new TestCaseData((Func<WeightsProvider>)(() => new FileProvider(0))).SetArgDisplayNames("custom");
        yield return new TestCaseData((Func<WeightsProvider>)(() => new FileProvider(20_000))).SetArgDisplayNames("custom with a window");
        yield return new TestCaseData((Func<WeightsProvider>)(() => WeightsProvider.Ram(new FileProvider(0)))).SetArgDisplayNames("ram of custom");
    }

    [TestCaseSource(nameof(Providers))]
    public void AllGiveTheSameOutputs(Func<WeightsProvider> create)
    {
        using TemporaryFolder folder = new();
        using WeightsProvider provider = create();
        for (int threads = 1; threads <= 3; threads++)
        {
            using InferenceSession session = new(SmallModel.Write(folder), new SessionOptions { WeightsProvider = provider, ThreadCount = threads });
            for (int run = 0; run < 3; run++)
            {
                SmallModel.Check(session.Run(SmallModel.Inputs), $"threads {threads}, run {run}");
            }
        }
    }

    [TestCaseSource(nameof(Providers))]
    public void OneServesTwoSessionsOnTwoThreads(Func<WeightsProvider> create)
    {
        using TemporaryFolder folder = new();
        string path = SmallModel.Write(folder);
        using WeightsProvider provider = create();
        Parallel.For(0, 2, new ParallelOptions { MaxDegreeOfParallelism = 2 }, _ =>
        {
            using InferenceSession session = new(path, new SessionOptions { WeightsProvider = provider, ThreadCount = 2 });
            for (int run = 0; run < 10; run++)
            {
                SmallModel.Check(session.Run(SmallModel.Inputs), $"run {run}");
            }
        });
    }

    [Test]
    public void OneSessionOnTwoThreads()
    {
        using TemporaryFolder folder = new();
        using InferenceSession session = new(SmallModel.Write(folder), new SessionOptions { ThreadCount = 2 });
        Parallel.For(0, 10, new ParallelOptions { MaxDegreeOfParallelism = 2 }, run => SmallModel.Check(session.Run(SmallModel.Inputs), $"run {run}"));
    }

    [Test]
    public void AFailureAtAnyReadLeavesTheSessionUsable([Values(0, 1, 1 << 20)] long windowBytes, [Values(1, 2)] int threads)
    {
        using TemporaryFolder folder = new();
        using FileProvider provider = new(windowBytes);
        using InferenceSession session = new(SmallModel.Write(folder), new SessionOptions { WeightsProvider = provider, ThreadCount = threads, KeptPanelBytes = 0 });
        session.Run(SmallModel.Inputs);
        int reads = provider.Reads;
        long live = MemoryDiagnostics.LiveBytes;
        Assert.That(reads, Is.GreaterThan(5));
        for (int n = 0; n < reads; n++)
        {
            provider.FailFrom(n, n % 2 == 0 ? new IOException("the cable is out") : new TimeoutException("the server sleeps"));
            WeightsException exception = Assert.Throws<WeightsException>(() => session.Run(SmallModel.Inputs), $"read {n}")!;
            Assert.That(exception.Message, Does.Contain(n % 2 == 0 ? "the cable is out" : "the server sleeps").And.Contain("weight '"));
            Assert.That(exception.InnerException, Is.Not.Null);
            Assert.That(MemoryDiagnostics.LiveBytes, Is.EqualTo(live), $"read {n}");
            provider.FailFrom(int.MaxValue, null);
            SmallModel.Check(session.Run(SmallModel.Inputs), $"after a failure at read {n}");
        }
    }

    [Test]
    public void ExceptionsOfOursComeThroughAsTheyAre([Values(0, 1 << 20)] long windowBytes)
    {
        using TemporaryFolder folder = new();
        using FileProvider provider = new(windowBytes);
        using InferenceSession session = new(SmallModel.Write(folder), new SessionOptions { WeightsProvider = provider });
        WeightsException thrown = new("exactly this one");
        provider.FailFrom(2, thrown);
        Assert.That(Assert.Throws<WeightsException>(() => session.Run(SmallModel.Inputs)), Is.SameAs(thrown));
    }

    [Test]
    public void AFailureAheadOfUseIsTriedAgain()
    {
        // What fails once while reading ahead is read again when it is needed.
        using TemporaryFolder folder = new();
        using FileProvider provider = new(1 << 20) { FailsOnce = true };
        using InferenceSession session = new(SmallModel.Write(folder), new SessionOptions { WeightsProvider = provider, ThreadCount = 1 });
        provider.FailFrom(provider.Reads + 1, new IOException("once"));
        try
        {
            SmallModel.Check(session.Run(SmallModel.Inputs), "after a failure ahead");
        }
        catch (WeightsException)
        {
            // The reader was not ahead.
        }

        SmallModel.Check(session.Run(SmallModel.Inputs), "afterwards");
    }

    [Test]
    public void RamReadsOnce()
    {
        using TemporaryFolder folder = new();
        using FileProvider source = new(0);
        using (WeightsProvider ram = WeightsProvider.Ram(source))
        {
            string path = SmallModel.Write(folder);
            using InferenceSession first = new(path, new SessionOptions { WeightsProvider = ram, KeptPanelBytes = 0 });
            using InferenceSession second = new(path, new SessionOptions { WeightsProvider = ram, KeptPanelBytes = 0 });
            first.Run(SmallModel.Inputs);
            int reads = source.Reads;
            long live = MemoryDiagnostics.LiveBytes;
            first.Run(SmallModel.Inputs);
            second.Run(SmallModel.Inputs);
            Assert.That(source.Reads, Is.EqualTo(reads));
            Assert.That(MemoryDiagnostics.LiveBytes, Is.EqualTo(live));
        }
    }

    [Test]
    public void RamReadsAFileAgainThatHasChanged()
    {
        using TemporaryFolder folder = new();
        using WeightsProvider ram = WeightsProvider.Ram();
        string path = SmallModel.Write(folder);
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(1, 2, 400) };
        for (int seed = 1; seed <= 2; seed++)
        {
            // Same name, same size.
            byte[] onnx = new ModelBuilder(13).Input("x", ElementType.Float32, 2, 400).Initializer("w", TestTensors.Floats(seed, 400)).Node("Add", "x w", "y").Output("y").ToBytes();
            folder.Write("small.onnx", onnx);
            File.SetLastWriteTimeUtc(path, new DateTime(2020, 1, seed, 0, 0, 0, DateTimeKind.Utc));
            using InferenceSession session = new(path, new SessionOptions { WeightsProvider = ram });
            TestTensors.AssertClose(session.Run(inputs)["y"], Oracle.Run(onnx, inputs)["y"], 1e-6, $"file {seed}");
        }
    }

    [Test]
    public void RamTriesAgainAfterAFailure()
    {
        using TemporaryFolder folder = new();
        using FileProvider source = new(0);
        using WeightsProvider ram = WeightsProvider.Ram(source);
        using InferenceSession session = new(SmallModel.Write(folder), new SessionOptions { WeightsProvider = ram });
        source.FailFrom(3, new IOException("the cable is out"));
        Assert.That(() => session.Run(SmallModel.Inputs), Throws.TypeOf<WeightsException>().With.Message.Contains("the cable is out"));
        source.FailFrom(int.MaxValue, null);
        SmallModel.Check(session.Run(SmallModel.Inputs), "afterwards");
    }

    [Test]
    public void ProvidersAndSessionsAreDisposedInAnyOrder([Values] bool ofProviderFirst)
    {
        using TemporaryFolder folder = new();
        WeightsProvider ram = WeightsProvider.Ram();
        InferenceSession session = new(SmallModel.Write(folder), new SessionOptions { WeightsProvider = ram });
        session.Run(SmallModel.Inputs);
        if (ofProviderFirst)
        {
            ram.Dispose();
            ram.Dispose();
            SmallModel.Check(session.Run(SmallModel.Inputs), "a session keeps what it uses");
            Assert.That(() => new InferenceSession(folder["small.onnx"], new SessionOptions { WeightsProvider = ram }), Throws.TypeOf<ObjectDisposedException>());
            session.Dispose();
        }
        else
        {
            session.Dispose();
            session.Dispose();
            ram.Dispose();
        }

        Assert.That(() => session.Run(SmallModel.Inputs), Throws.TypeOf<ObjectDisposedException>());
    }

    [Test]
    public void AFileThatBecomesShorterBetweenRuns([Values] bool reads)
    {
        using TemporaryFolder folder = new();
        string path = SmallModel.Write(folder);
        using InferenceSession session = new(path, new SessionOptions { WeightsProvider = reads ? new FileProvider(0) : null });
        SmallModel.Check(session.Run(SmallModel.Inputs), "before");
        using (FileStream file = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            file.SetLength(file.Length - 5000);
        }

        Assert.That(() => session.Run(SmallModel.Inputs), Throws.TypeOf<WeightsException>().With.Message.Contains(path));
        folder.Write("small.onnx", SmallModel.Onnx);

        // Nobody can tell that it is the same again.
        Assert.That(() => session.Run(SmallModel.Inputs), Throws.TypeOf<WeightsException>().With.Message.StartsWith(path).And.Message.Contains(reads ? "had the version" : "was changed at"));
        using InferenceSession another = new(path);
        SmallModel.Check(another.Run(SmallModel.Inputs), "another session");
    }

    [Test]
    public void AFileThatIsWrittenToWhileItIsRead([Values] bool prefetch)
    {
        // What the run returned would be made of two files.
        using TemporaryFolder folder = new();
        string path = SmallModel.Write(folder);
        using WeightsProvider provider = prefetch ? WeightsProvider.DiskPrefetch() : WeightsProvider.DiskNoCache();
        using InferenceSession session = new(path, new SessionOptions { WeightsProvider = provider });
        int steps = 0;
        RunOptions options = new()
        {
            Progress = new Steps(() =>
            {
                if (++steps == 3)
                {
                    using FileStream file = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
                    file.Position = file.Length - 100;
                    file.WriteByte(1);
                }
            }),
        };
        Assert.That(() => session.Run(SmallModel.Inputs, options), Throws.TypeOf<WeightsException>().With.Message.StartsWith(path).And.Message.Contains("was changed"));
    }

    [Test]
    public void AFileThatBecomesShorterWhileItIsRead([Values] bool prefetch, [Values(0.1, 0.5, 0.9)] double kept, [Values(1, 2)] int threads)
    {
        using TemporaryFolder folder = new();
        using WeightsProvider provider = prefetch ? WeightsProvider.DiskPrefetch() : WeightsProvider.DiskNoCache();
        for (int at = 1; at < 8; at++)
        {
            string path = SmallModel.Write(folder);
            using InferenceSession session = new(path, new SessionOptions { WeightsProvider = provider, ThreadCount = threads });
            int steps = 0;
            RunOptions options = new()
            {
                Progress = new Steps(() =>
                {
                    if (++steps == at)
                    {
                        using FileStream file = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
                        file.SetLength((long)(file.Length * kept));
                    }
                }),
            };
            Assert.That(() => session.Run(SmallModel.Inputs, options), Throws.TypeOf<WeightsException>().With.Message.StartsWith(path), $"at step {at}");
        }
    }

    [Test]
    public void AFileThatIsReplacedIsTheOldOneForASessionThatHasItOpen()
    {
        using TemporaryFolder folder = new();
        string path = SmallModel.Write(folder);
        using InferenceSession session = new(path);
        File.Move(folder.Write("other.onnx", new byte[10]), path, overwrite: true);
        SmallModel.Check(session.Run(SmallModel.Inputs), "the file that was opened");
    }

    [Test]
    public void AFileThatVanishesBeforeTheSessionIsMade()
    {
        using TemporaryFolder folder = new();
        Model model = Model.Load(SmallModel.Write(folder));
        File.Delete(folder["small.onnx"]);
        Assert.That(() => new InferenceSession(model), Throws.TypeOf<WeightsException>().With.Message.Contains(folder["small.onnx"]));
        folder.Write("small.onnx", new byte[500]);
        Assert.That(() => new InferenceSession(model), Throws.TypeOf<WeightsException>().With.Message.Contains("truncated"));
    }

    [Test]
    public void NegativeWindows() => Assert.That(() => WeightsProvider.DiskPrefetch(-1), Throws.TypeOf<ArgumentOutOfRangeException>());

    private sealed class Steps(Action act) : IProgress<RunProgress>
    {
        public void Report(RunProgress value) => act();
    }
}
