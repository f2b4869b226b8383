using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace OnnxStream.Interop.Fleet;

/// <summary>What a worker reports to .NET's observers: an activity for each attempt, which belongs to the request that the server was asked, and what became of it.</summary>
internal sealed class WorkerTelemetry : IDisposable
{
    private const string Name = "OnnxStream.Interop.Fleet";

    private static readonly ActivitySource s_activities = new(Name);

    private readonly Meter _meter = new(Name);
    private readonly Histogram<double> _attempts;

    public WorkerTelemetry(FleetWorker worker, int slots)
    {
        InstrumentAdvice<double> durations = new() { HistogramBucketBoundaries = [0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000] };
        _attempts = _meter.CreateHistogram("onnxstream.worker.attempt.duration", "s", "Time that this worker was at a job, by what became of it", [], durations);
        _meter.CreateObservableUpDownCounter("onnxstream.worker.jobs.running", () => worker.RunningCount, "{job}", "Jobs that this worker is doing");
        _meter.CreateObservableUpDownCounter("onnxstream.worker.slots", () => slots, "{job}", "Jobs that this worker does at once");
        _meter.CreateObservableUpDownCounter("onnxstream.worker.connected", () => worker.Trouble is null ? 1 : 0, "1", "Whether the queue is within reach");
    }

    /// <summary>Begins the activity of an attempt; null where nobody listens.</summary>
    public static Activity? Start(FleetJob job, string model, int attempt)
    {
        Activity? activity = s_activities.StartActivity($"work {model}", ActivityKind.Consumer, job.Trace);
        activity?.SetTag("gen_ai.request.model", model);
        activity?.SetTag("gen_ai.provider.name", "onnxstream");
        activity?.SetTag("onnxstream.job.id", job.Id);
        activity?.SetTag("onnxstream.job.attempt", attempt);
        return activity;
    }

    /// <summary>Counts an attempt.</summary>
    public void End(Activity? activity, string model, AttemptEnd end, TimeSpan duration)
    {
        string word = end.ToString();
        activity?.SetTag("onnxstream.attempt.end", word);
        if (end == AttemptEnd.Failed)
        {
            activity?.SetStatus(ActivityStatusCode.Error);
        }

        _attempts.Record(duration.TotalSeconds, new("gen_ai.request.model", model), new("onnxstream.attempt.end", word));
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();
}
