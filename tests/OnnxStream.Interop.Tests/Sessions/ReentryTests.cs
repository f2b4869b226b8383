using OnnxStream.Interop.Tests.Weights;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Sessions;

/// <summary>A session that is called by what it calls, and by several threads: a clear exception or a wait, never a wrong result, and nothing is left behind.</summary>
[NativeMemoryLeakCheck]
public class ReentryTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    private static IEnumerable<TestCaseData> Calls =>
    [
        new TestCaseData((Action<InferenceSession>)(session => session.Dispose())).SetArgDisplayNames("Dispose"),
        new TestCaseData((Action<InferenceSession>)(session => session.Run(SmallModel.Inputs))).SetArgDisplayNames("Run"),
        new TestCaseData((Action<InferenceSession>)(session => session.Plan())).SetArgDisplayNames("Plan"),
        new TestCaseData((Action<InferenceSession>)(session => session.Pack())).SetArgDisplayNames("Pack"),
    ];

    [TestCaseSource(nameof(Calls))]
    public void ARunsProgressCannotCallTheSession(Action<InferenceSession> call)
    {
        using InferenceSession session = new(SmallModel.Write(_folder), new SessionOptions { ThreadCount = 2 });
        int refused = 0;
        RunResult result = session.Run(SmallModel.Inputs, new RunOptions { Progress = new Progress(_ => AssertRefused(() => call(session), ref refused)) });
        SmallModel.Check(result, "the run goes on");
        Assert.That(refused, Is.GreaterThan(5));
        SmallModel.Check(session.Run(SmallModel.Inputs), "and so does the session");
    }

    // On threads that compute and on the one that reads ahead: there, waiting for the run would be waiting for oneself.
    [Test]
    public void WeightsCannotCallTheSession([ValueSource(nameof(Calls))] TestCaseData data, [Values("at use", "ahead", "ram", "scheduled")] string kind)
    {
        Action<InferenceSession> call = (Action<InferenceSession>)data.Arguments[0]!;
        InferenceSession? session = null;
        int refused = 0;
        void Called()
        {
            if (session is not null)
            {
                AssertRefused(() => call(session), ref refused);
            }
        }

        using CallingProvider calling = new(kind == "ahead" ? 1 << 20 : 0, Called);
        using CallingScheduledProvider scheduled = new(Called);
        using WeightsProvider provider = kind switch { "ram" => WeightsProvider.Ram(calling), "scheduled" => scheduled, _ => calling };
        using (session = new InferenceSession(SmallModel.Write(_folder), new SessionOptions { ThreadCount = 3, WeightsProvider = provider, KeptPanelBytes = 0 }))
        {
            Task<RunResult> run = Task.Run(() => session.Run(SmallModel.Inputs));
            Assert.That(run.Wait(s_limit), Is.True, "a hang");
            SmallModel.Check(run.Result, "the run goes on");
            Assert.That(refused, Is.Positive);
            session = null;
        }
    }

    [Test]
    public void TwoSessionsInEachOthersProgress()
    {
        string path = SmallModel.Write(_folder);
        using InferenceSession one = new(path);
        using InferenceSession two = new(path);
        int refused = 0;
        RunResult? inner = null;
        RunResult outer = one.Run(SmallModel.Inputs, new RunOptions
        {
            Progress = new Progress(report =>
            {
                if (report.Step == 2)
                {
                    // Another session may run. That one's progress is still inside of the first one's run.
                    inner = two.Run(SmallModel.Inputs, new RunOptions { Progress = new Progress(_ => AssertRefused(one.Dispose, ref refused)) });
                }
            }),
        });
        SmallModel.Check(outer, "outer");
        SmallModel.Check(inner!, "inner");
        Assert.That(refused, Is.GreaterThan(5));
    }

    [Test]
    public void AStateInsideOfItsRun()
    {
        string path = _folder.Write("sum.onnx", Sum().ToBytes());
        using InferenceSession session = new(path, new SessionOptions { StateBindings = [new("next", "state")] });
        using SessionState state = session.CreateState();
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(1, 4, 4) };
        int refused = 0;
        session.Run(inputs, state, new RunOptions
        {
            Progress = new Progress(_ =>
            {
                AssertRefused(state.Dispose, ref refused);
                AssertRefused(state.Reset, ref refused);
                AssertRefused(() => state.Read("state"), ref refused);
                AssertRefused(() => state.Write("state", TestTensors.Floats(2, 4, 4)), ref refused);
                AssertRefused(() => state.Truncate(1), ref refused);
                AssertRefused(() => session.CreateState(), ref refused);
            }),
        });
        Assert.That(refused, Is.GreaterThanOrEqualTo(12));
        Assert.That(state.Read("state").Bytes.SequenceEqual(inputs["x"].Bytes), Is.True);
    }

    [Test]
    public void APackingsProgressCannotCallTheSession()
    {
        InferenceSession? session = null;
        int refused = 0;
        PanelStoreOptions store = PanelStoreOptions.File(_folder["weights.panels"]) with { Progress = new PackingReports(() => { if (session is not null) { AssertRefused(session.Dispose, ref refused); } }) };
        using (session = new InferenceSession(_folder.Write("open.onnx", Open()), new SessionOptions { ThreadCount = 2, PanelStore = store }))
        {
            session.Run(new Dictionary<string, TensorBuffer> { ["x"] = TestTensors.Floats(1, 5, 300) });
            Assert.That(refused, Is.Positive);
        }
    }

    [Test]
    public void DisposingWaitsForARunOnAnotherThread([Values(1, 2)] int threads)
    {
        for (int i = 0; i < 20; i++)
        {
            using InferenceSession session = new(SmallModel.Write(_folder), new SessionOptions { ThreadCount = threads });
            using ManualResetEventSlim began = new();
            int step = i % 8;
            Task<RunResult> run = Task.Run(() => session.Run(SmallModel.Inputs, new RunOptions { Progress = new Progress(report => { if (report.Step == step) { began.Set(); } }) }));
            began.Wait();
            Assert.That(Task.Run(session.Dispose).Wait(s_limit), Is.True);
            SmallModel.Check(run.Result, $"disposed at step {step}");
            Assert.That(() => session.Run(SmallModel.Inputs), Throws.TypeOf<ObjectDisposedException>());
        }
    }

    [Test]
    public void ThreadsThatRunDisposeAndPlanAtOnce()
    {
        string path = SmallModel.Write(_folder);
        for (int i = 0; i < 10; i++)
        {
            InferenceSession session = new(path, new SessionOptions { ThreadCount = 2 });
            int ran = 0;
            Task[] tasks =
            [
                .. Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
                {
                    try
                    {
                        for (int k = 0; k < 5; k++)
                        {
                            SmallModel.Check(session.Run(SmallModel.Inputs), "side by side");
                            Interlocked.Increment(ref ran);
                        }
                    }
                    catch (ObjectDisposedException)
                    {
                    }
                })),
                Task.Run(() =>
                {
                    SpinWait.SpinUntil(() => Volatile.Read(ref ran) >= i);
                    session.Dispose();
                }),
            ];
            Assert.That(Task.WaitAll(tasks, s_limit), Is.True, "a hang");
            Assert.That(ran, Is.GreaterThanOrEqualTo(i));
        }
    }

    [Test]
    public void AStateIsUsedWhileAnotherThreadRuns()
    {
        string path = _folder.Write("sum.onnx", Sum().ToBytes());
        using InferenceSession session = new(path, new SessionOptions { StateBindings = [new("next", "state")] });
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(1, 4, 4) };
        for (int i = 0; i < 20; i++)
        {
            SessionState state = session.CreateState();
            Task runs = Task.Run(() =>
            {
                try
                {
                    for (int k = 0; k < 100; k++)
                    {
                        session.Run(inputs, state);
                    }
                }
                catch (ObjectDisposedException)
                {
                }
            });
            for (int k = 0; k < 10; k++)
            {
                TensorBuffer read = state.Read("state");
                float times = read.Span<float>()[0] / inputs["x"].Span<float>()[0];
                Assert.That(times, Is.EqualTo(MathF.Round(times)).Within(1e-3), "between two runs, not inside of one");
            }

            state.Dispose();
            Assert.That(runs.Wait(s_limit), Is.True);
        }
    }

    private static void AssertRefused(Action action, ref int refused)
    {
        Assert.That(() => action(), Throws.TypeOf<InvalidOperationException>().With.Message.Contains("at work"));
        Interlocked.Increment(ref refused);
    }

    private static ModelBuilder Sum() => new ModelBuilder(17).Input("x", ElementType.Float32, 4, 4).Input("state", ElementType.Float32, 4, 4)
        .Node("Add", "x state", "next").Node("Neg", "next", "y").Output("next").Output("y");

    private static byte[] Open() => new ModelBuilder(17).Input("x", ElementType.Float32, -1, 300).Initializer("w", TestTensors.Floats(5, 300, 400)).Node("MatMul", "x w", "y").Output("y").ToBytes();

    private sealed class Progress(Action<RunProgress> action) : IProgress<RunProgress>
    {
        public void Report(RunProgress value) => action(value);
    }

    private sealed class PackingReports(Action action) : IProgress<PackingProgress>
    {
        public void Report(PackingProgress value) => action();
    }

    private sealed class CallingProvider(long windowBytes, Action called) : WeightsProvider(windowBytes)
    {
        public override void Read(in WeightRange range, Span<byte> destination)
        {
            called();
            range.Read(destination);
        }
    }

    private sealed class CallingScheduledProvider(Action called) : ScheduledWeightsProvider(0)
    {
        public override ScheduledReader OpenReader(IReadOnlyList<WeightRange> schedule, IReadOnlyList<PartlyReadWeight> parts, long windowBytes) => new Reader(schedule, called);

        public override void Read(in WeightRange range, Span<byte> destination) => range.Read(destination);

        private sealed class Reader(IReadOnlyList<WeightRange> schedule, Action called) : ScheduledReader
        {
            public override void BeginRun() => called();

            public override void Read(int index, long offset, Span<byte> destination)
            {
                called();
                schedule[index].Slice(offset, destination.Length).Read(destination);
            }

            public override void EndRun() => called();
        }
    }
}
