using OnnxStream.Interop.Tests.Weights;

namespace OnnxStream.Interop.Tests.Sessions;

[NativeMemoryLeakCheck]
public class CancellationTests
{
    [Test]
    public void CancellingAtAnyStepLeavesTheSessionUsable([Values(1, 2)] int threads)
    {
        using TemporaryFolder folder = new();
        using InferenceSession session = new(SmallModel.Write(folder), new SessionOptions { ThreadCount = threads });
        Recorder recorder = new();
        session.Run(SmallModel.Inputs, new RunOptions { Progress = recorder });
        int steps = recorder.Reports[0].StepCount;
        Assert.That(recorder.Reports.Select(report => report.Step), Is.EqualTo(Enumerable.Range(0, steps + 1)));
        Assert.That(recorder.Reports[^1].NodeName, Is.Empty);
        long live = MemoryDiagnostics.LiveBytes;
        for (int step = 0; step < steps - 1; step++)
        {
            using CancellationTokenSource source = new();
            Recorder cancelling = new() { Action = report => { if (report.Step == step) { source.Cancel(); } } };
            Assert.That(() => session.Run(SmallModel.Inputs, new RunOptions { Progress = cancelling }, source.Token), Throws.InstanceOf<OperationCanceledException>(), $"step {step}");
            Assert.That(cancelling.Reports, Has.Count.EqualTo(step + 1), "no further step began");
            Assert.That(MemoryDiagnostics.LiveBytes, Is.EqualTo(live));
            SmallModel.Check(session.Run(SmallModel.Inputs), $"after cancelling at step {step}");
        }
    }

    [Test]
    public void CancelledBeforehand()
    {
        using TemporaryFolder folder = new();
        using InferenceSession session = new(SmallModel.Write(folder));
        Recorder recorder = new();
        Assert.That(() => session.Run(SmallModel.Inputs, new RunOptions { Progress = recorder }, new CancellationToken(canceled: true)), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(recorder.Reports, Is.Empty);
    }

    [Test]
    public void AProgressThatThrows()
    {
        using TemporaryFolder folder = new();
        using InferenceSession session = new(SmallModel.Write(folder));
        Recorder recorder = new() { Action = report => { if (report.Step == 3) { throw new InvalidTimeZoneException("mine"); } } };
        Assert.That(() => session.Run(SmallModel.Inputs, new RunOptions { Progress = recorder }), Throws.TypeOf<InvalidTimeZoneException>());
        SmallModel.Check(session.Run(SmallModel.Inputs), "afterwards");
    }

    private sealed class Recorder : IProgress<RunProgress>
    {
        public List<RunProgress> Reports { get; } = [];

        public Action<RunProgress>? Action { get; init; }

        public void Report(RunProgress value)
        {
            Reports.Add(value);
            Action?.Invoke(value);
        }
    }
}
