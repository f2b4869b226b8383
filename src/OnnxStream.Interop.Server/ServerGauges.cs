using System.Diagnostics.Metrics;
using OnnxStream.Interop.Server.Jobs;
using OnnxStream.Interop.Server.Models;

namespace OnnxStream.Interop.Server;

/// <summary>What a server has now, for .NET's observers: the queue, and the machines of a fleet.</summary>
internal sealed class ServerGauges : IDisposable
{
    private readonly Meter _meter = new(ServerTelemetry.Name);

    public ServerGauges(JobQueue queue, IServedModels models)
    {
        _meter.CreateObservableUpDownCounter(
            "onnxstream.server.queue.length",
            () => (Measurement<int>[])[new(queue.WaitingCount, Tag("onnxstream.job.state", "queued")), new(queue.RunningCount, Tag("onnxstream.job.state", "running"))],
            "{job}",
            "Jobs that wait, and jobs that are being done");
        _meter.CreateObservableUpDownCounter("onnxstream.server.workers", () => models.Workers.Count, "{worker}", "Machines that do jobs for the server");
        _meter.CreateObservableUpDownCounter("onnxstream.server.workers.slots", () => models.Workers.Sum(worker => worker.Slots), "{job}", "Jobs that those machines do at once");
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);
}
