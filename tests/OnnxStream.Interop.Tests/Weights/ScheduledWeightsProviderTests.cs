using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Weights;

/// <summary>Providers that read ahead by themselves, and do it wrong. What they do right is tested from outside of the library.</summary>
[NativeMemoryLeakCheck]
public class ScheduledWeightsProviderTests
{
    [Test]
    public void AReaderThatFailsLeavesTheSessionUsable([Values("begin", "read", "end")] string at, [Values(1, 2)] int threads)
    {
        using TemporaryFolder folder = new();
        using ScriptedProvider provider = new();
        using (InferenceSession session = new(SmallModel.Write(folder), new SessionOptions { WeightsProvider = provider, ThreadCount = threads }))
        {
            session.Run(SmallModel.Inputs);
            long live = MemoryDiagnostics.LiveBytes;
            foreach (Exception failure in (Exception[])[new IOException("the cable is out"), new OperationCanceledException("the cable is out"), new WeightsException("the cable is out")])
            {
                provider.FailAt = at;
                provider.Failure = failure;
                WeightsException thrown = Assert.Throws<WeightsException>(() => session.Run(SmallModel.Inputs))!;
                Assert.That(thrown.Message, Does.Contain("the cable is out"));
                Assert.That(failure is WeightsException ? thrown : thrown.InnerException, Is.SameAs(failure));
                Assert.That(thrown.Message, failure is WeightsException || at != "read" ? Is.Not.Empty : Does.StartWith($"{folder["small.onnx"]}: weight '"));
                Assert.That(MemoryDiagnostics.LiveBytes, Is.EqualTo(live));
                provider.FailAt = "";
                SmallModel.Check(session.Run(SmallModel.Inputs), $"after a failure in {at}");
            }

            Assert.That(provider.OpenReaders, Is.EqualTo(1));
        }

        Assert.That(provider.OpenReaders, Is.Zero);
    }

    [Test]
    public void AProviderThatOpensNoReader([Values("open", "null")] string at)
    {
        using TemporaryFolder folder = new();
        using ScriptedProvider provider = new() { FailAt = at, Failure = new TimeoutException("the server sleeps") };
        Assert.That(() => new InferenceSession(SmallModel.Write(folder), new SessionOptions { WeightsProvider = provider }), Throws.TypeOf<WeightsException>()
            .With.Message.Contains(nameof(ScriptedProvider)).And.Message.Contains(at == "null" ? "(null)" : "the server sleeps"));
        Assert.That(provider.OpenReaders, Is.Zero);
    }

    [Test]
    public void RunsBeginAndEnd()
    {
        using TemporaryFolder folder = new();
        using ScriptedProvider provider = new();
        using InferenceSession session = new(SmallModel.Write(folder), new SessionOptions { WeightsProvider = provider });
        session.Run(SmallModel.Inputs);
        using CancellationTokenSource cancelled = new();
        cancelled.Cancel();
        Assert.That(() => session.Run(SmallModel.Inputs, cancellationToken: cancelled.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(provider.Calls, Is.EqualTo(new[] { "begin", "end", "begin", "end" }));
    }

    [Test]
    public void PartsAreReadByTheProvider()
    {
        // Rows of a table, in an order that only the run knows.
        using TemporaryFolder folder = new();
        using ScriptedProvider provider = new();
        using InferenceSession session = new(SmallModel.Write(folder), new SessionOptions { WeightsProvider = provider });
        SmallModel.Check(session.Run(SmallModel.Inputs), "parts");
        Assert.That(provider.Parts.Select(part => part.Range.Name), Is.EqualTo(new[] { "table" }));
        Assert.That(provider.ReadNames, Is.Not.Empty.And.All.EqualTo("table"));
        Assert.That(provider.Schedule.Select(range => range.Name), Does.Contain("left").And.Not.Contain("table"));
        Assert.That(provider.Parts[0].NeededAt, Is.InRange(0, provider.Schedule.Count));
    }

    private sealed class ScriptedProvider() : ScheduledWeightsProvider(1 << 20)
    {
        public string FailAt { get; set; } = "";

        public Exception? Failure { get; set; }

        public int OpenReaders { get; private set; }

        public List<string> Calls { get; } = [];

        public List<string> ReadNames { get; } = [];

        public IReadOnlyList<WeightRange> Schedule { get; private set; } = [];

        public IReadOnlyList<PartlyReadWeight> Parts { get; private set; } = [];

        public override void Read(in WeightRange range, Span<byte> destination)
        {
            lock (ReadNames)
            {
                ReadNames.Add(range.Name);
            }

            range.Read(destination);
        }

        public override ScheduledReader OpenReader(IReadOnlyList<WeightRange> schedule, IReadOnlyList<PartlyReadWeight> parts, long windowBytes)
        {
            FailIf("open");
            if (FailAt == "null")
            {
                return null!;
            }

            Schedule = schedule;
            Parts = parts;
            OpenReaders++;
            return new Reader(this, schedule);
        }

        private void FailIf(string at)
        {
            if (FailAt == at)
            {
                throw Failure!;
            }
        }

        private sealed class Reader(ScriptedProvider provider, IReadOnlyList<WeightRange> schedule) : ScheduledReader
        {
            public override void BeginRun()
            {
                provider.Calls.Add("begin");
                provider.FailIf("begin");
            }

            public override void Read(int index, long offset, Span<byte> destination)
            {
                provider.FailIf("read");
                schedule[index].Slice(offset, destination.Length).Read(destination);
            }

            public override void EndRun()
            {
                provider.Calls.Add("end");
                provider.FailIf("end");
            }

            protected override void Dispose(bool disposing)
            {
                provider.OpenReaders--;
                base.Dispose(disposing);
            }
        }
    }
}
