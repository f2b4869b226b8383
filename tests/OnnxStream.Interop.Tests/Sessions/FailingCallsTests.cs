using OnnxStream.Interop.Onnx;
using OnnxStream.Interop.Tests.Weights;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Sessions;

/// <summary>What a session calls throws, each time that it is called once: the exception arrives, the session goes on, and nothing is left behind.</summary>
[NativeMemoryLeakCheck]
public class FailingCallsTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void EveryReportOfProgress([Values("plain", "loop", "state")] string kind, [Values(1, 2)] int threads, [Values] bool cancels)
    {
        using Case tried = new(_folder, kind, threads);
        for (int n = 0; ; n++)
        {
            int reports = 0;
            using CancellationTokenSource source = new();
            Reports progress = new(() =>
            {
                if (reports++ == n)
                {
                    if (!cancels)
                    {
                        throw new InvalidTimeZoneException("mine");
                    }

                    source.Cancel();
                }
            });
            long live = MemoryDiagnostics.LiveBytes;
            try
            {
                tried.Run(progress, source.Token);

                // Cancelled before its last step, a run ends as if nobody had: the end is reported, too.
                Assert.That(reports, cancels ? Is.LessThanOrEqualTo(n + 2) : Is.EqualTo(n), "no report is lost");
                if (reports <= n)
                {
                    Assert.That(n, Is.GreaterThan(2));
                    break;
                }
            }
            catch (Exception exception) when (exception is InvalidTimeZoneException || (cancels && exception is OperationCanceledException))
            {
                Assert.That(MemoryDiagnostics.LiveBytes, Is.LessThanOrEqualTo(live + tried.PoolBytes), $"report {n}");
            }

            tried.Check($"after report {n}");
        }
    }

    [Test]
    public void EveryReadOfAProvider([Values(0, 1 << 20)] long windowBytes, [Values(1, 3)] int threads)
    {
        string path = SmallModel.Write(_folder);
        for (int n = 0; ; n++)
        {
            using FileProvider provider = new(windowBytes) { FailsOnce = true };
            provider.FailFrom(n, new InvalidTimeZoneException("mine"));
            try
            {
                using InferenceSession session = new(path, new SessionOptions { ThreadCount = threads, WeightsProvider = provider, KeptPanelBytes = 0 });
                SmallModel.Check(session.Run(SmallModel.Inputs), $"read {n}");
                if (provider.Reads <= n)
                {
                    Assert.That(n, Is.GreaterThan(5));
                    break;
                }

                Assert.That(windowBytes, Is.Positive, "only what is read ahead is tried again");
            }
            catch (WeightsException exception)
            {
                Assert.That(exception.InnerException, Is.TypeOf<InvalidTimeZoneException>());
            }
        }
    }

    [Test]
    public void AReaderThatFailsWhenItIsLetGo([Values(1, 2)] int readers, [Values] bool ours)
    {
        using DisposalFails provider = new(ours ? new WeightsException("the door is stuck") : new InvalidTimeZoneException("the door is stuck"));
        InferenceSession session = new(_folder.Write("open.onnx", Open()), new SessionOptions { WeightsProvider = provider, ThreadCount = 2, KeptPanelBytes = 0 });
        for (int rows = 1; rows <= readers; rows++)
        {
            session.Run(new Dictionary<string, TensorBuffer> { ["x"] = TestTensors.Floats(1, rows, 300) });
        }

        Assert.That(session.Dispose, Throws.TypeOf<WeightsException>().With.Message.Contains("the door is stuck"));
        Assert.That(provider.Disposed, Is.EqualTo(readers));
        Assert.That(session.Dispose, Throws.Nothing, "once");
    }

    [Test]
    public void AReaderThatFailsWhenItsPlanIsGivenUp()
    {
        using DisposalFails provider = new(new InvalidTimeZoneException("the door is stuck"));
        InferenceSession session = new(_folder.Write("open.onnx", Open()), new SessionOptions { WeightsProvider = provider, ThreadCount = 1, KeptPanelBytes = 0 });
        int failed = 0;
        for (int rows = 1; rows <= 12; rows++)
        {
            try
            {
                session.Run(new Dictionary<string, TensorBuffer> { ["x"] = TestTensors.Floats(1, rows, 300) });
            }
            catch (WeightsException exception) when (exception.Message.Contains("the door is stuck", StringComparison.Ordinal))
            {
                failed++;
            }
        }

        Assert.That(failed, Is.Positive);
        Assert.That(session.Dispose, Throws.TypeOf<WeightsException>());
    }

    // Its other weights were opened already when one of them cannot be.
    [Test]
    public void ASourceWithoutAVersionAndAReaderThatFailsWhenItIsLetGo()
    {
        using DisposalFails provider = new(new InvalidTimeZoneException("the door is stuck")) { FailsToOpen = true };
        Assert.That(() => new InferenceSession(SmallModel.Write(_folder), new SessionOptions { WeightsProvider = provider }), Throws.TypeOf<WeightsException>().With.Message.Contains("no key"));
    }

    [Test]
    public void EveryReportOfPacking([Values(1, 2)] int threads, [Values] bool cancels)
    {
        string path = SmallModel.Write(_folder);
        for (int n = 0; ; n++)
        {
            int reports = 0;
            using CancellationTokenSource source = new();
            PanelStoreOptions store = PanelStoreOptions.File(_folder["weights.panels"]) with
            {
                CancellationToken = source.Token,
                Progress = new PackingReports(() =>
                {
                    if (Interlocked.Increment(ref reports) == n + 1)
                    {
                        if (!cancels)
                        {
                            throw new InvalidTimeZoneException("mine");
                        }

                        source.Cancel();
                    }
                }),
            };
            try
            {
                using InferenceSession session = new(path, new SessionOptions { ThreadCount = threads, PanelStore = store });
                SmallModel.Check(session.Run(SmallModel.Inputs), "packed");
                if (reports <= n)
                {
                    Assert.That(n, Is.GreaterThan(2));
                    break;
                }

                Assert.Fail($"report {n} stopped nothing");
            }
            catch (Exception exception) when (exception is InvalidTimeZoneException or OperationCanceledException)
            {
                Assert.That(Directory.GetFiles(_folder.Path), Is.EqualTo(new[] { path }), $"report {n} leaves nothing");
            }
        }
    }

    private static byte[] Open() => new ModelBuilder(17).Input("x", ElementType.Float32, -1, 300).Initializer("w", TestTensors.Floats(5, 300, 400)).Node("MatMul", "x w", "y").Output("y").ToBytes();

    // A session with inputs, and what is right.
    private sealed class Case : IDisposable
    {
        private readonly InferenceSession _session;
        private readonly SessionState? _state;
        private readonly Dictionary<string, TensorBuffer> _inputs;
        private readonly Dictionary<string, TensorBuffer> _expected;

        public Case(TemporaryFolder folder, string kind, int threads)
        {
            (byte[] model, _inputs) = kind switch
            {
                "plain" => (SmallModel.Onnx, SmallModel.Inputs),
                "loop" => (Loop(), new() { ["x"] = TestTensors.Floats(1, 4, 60) }),
                _ => (State(), new() { ["x"] = TestTensors.Floats(1, 4, 60) }),
            };
            StateBinding[] bindings = kind == "state" ? [new("next", "state")] : [];
            _session = new InferenceSession(folder.Write("m.onnx", model), new SessionOptions { ThreadCount = threads, StateBindings = bindings });
            _state = kind == "state" ? _session.CreateState() : null;
            _expected = Oracle.Run(model, kind == "state" ? new Dictionary<string, TensorBuffer>(_inputs) { ["state"] = new TensorBuffer(ElementType.Float32, new Shape(4, 60)) } : _inputs);
            Check("at first");
            PoolBytes = 1 << 20;
        }

        // What the session keeps to use it again.
        public long PoolBytes { get; }

        public RunResult Run(IProgress<RunProgress>? progress, CancellationToken cancellationToken) => _state is null
            ? _session.Run(_inputs, new RunOptions { Progress = progress }, cancellationToken)
            : _session.Run(_inputs, _state, new RunOptions { Progress = progress }, cancellationToken);

        public void Check(string message)
        {
            _state?.Reset();
            RunResult result = Run(null, default);
            foreach ((string name, TensorBuffer expected) in _expected.Where(pair => _state is null || pair.Key != "next"))
            {
                TestTensors.AssertClose(result[name], expected, 1e-4, $"{message}: {name}");
            }

            _state?.Reset();
        }

        public void Dispose()
        {
            _state?.Dispose();
            _session.Dispose();
        }

        private static byte[] State() => new ModelBuilder(17).Input("x", ElementType.Float32, 4, 60).Input("state", ElementType.Float32, 4, 60)
            .Initializer("w", TestTensors.Floats(5, 60, 60)).Node("MatMul", "x w", "m").Node("Add", "m state", "next").Node("Softmax", "next", "y").Output("next").Output("y").ToBytes();

        // A loop in a loop, with a branch inside, and products whose weights are streamed.
        private static byte[] Loop()
        {
            GraphProto inner = new ModelBuilder(17).Input("i2", ElementType.Int64).Input("c2", ElementType.Bool).Input("v2", ElementType.Float32, 4, 60)
                .Node("MatMul", "v2 w", "m2").Node("Tanh", "m2", "t2").Node("Identity", "c2", "go2").Output("go2", ElementType.Bool).Output("t2").Output("m2").Graph;
            GraphProto then = new ModelBuilder(17).Node("Loop", "three - v", "t collected", ("body", inner)).Output("t").Graph;
            GraphProto otherwise = new ModelBuilder(17).Node("Sin", "v", "n").Output("n").Graph;
            GraphProto outer = new ModelBuilder(17).Input("i", ElementType.Int64).Input("c", ElementType.Bool).Input("v", ElementType.Float32, 4, 60)
                .Node("Cast", "i", "odd", ("to", (int)ElementType.Bool)).Node("If", "odd", "u", ("then_branch", then), ("else_branch", otherwise))
                .Node("Identity", "c", "go").Output("go", ElementType.Bool).Output("u").Graph;
            return new ModelBuilder(17).Input("x", ElementType.Float32, 4, 60).Initializer("w", TestTensors.Floats(5, 60, 60)).Initializer("three", TensorBuffer.Create<long>([3])).Initializer("yes", TensorBuffer.Create<bool>([true]))
                .Node("Loop", "three yes x", "o", ("body", outer)).Node("Neg", "o", "y").Output("y").ToBytes();
        }
    }

    private sealed class Reports(Action action) : IProgress<RunProgress>
    {
        public void Report(RunProgress value) => action();
    }

    private sealed class PackingReports(Action action) : IProgress<PackingProgress>
    {
        public void Report(PackingProgress value) => action();
    }

    private sealed class DisposalFails(Exception failure) : ScheduledWeightsProvider(0)
    {
        public int Disposed { get; private set; }

        public bool FailsToOpen { get; init; }

        public override ScheduledReader OpenReader(IReadOnlyList<WeightRange> schedule, IReadOnlyList<PartlyReadWeight> parts, long windowBytes) =>
            FailsToOpen ? throw new IOException("no key") : new Reader(this, schedule);

        public override void Read(in WeightRange range, Span<byte> destination) => range.Read(destination);

        private sealed class Reader(DisposalFails provider, IReadOnlyList<WeightRange> schedule) : ScheduledReader
        {
            public override void Read(int index, long offset, Span<byte> destination) => schedule[index].Slice(offset, destination.Length).Read(destination);

            protected override void Dispose(bool disposing)
            {
                provider.Disposed++;
                base.Dispose(disposing);
                throw provider.Failure;
            }
        }

        private Exception Failure => failure;
    }
}
