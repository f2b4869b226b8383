using System.Diagnostics.Metrics;
using OnnxStream.Interop.Server.Jobs;
using OnnxStream.Interop.Server.Models;

namespace OnnxStream.Interop.Server;

/// <summary>What a server holds now, for .NET's observers: the queue, and who has how much of the memory.</summary>
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
        _meter.CreateObservableUpDownCounter(
            "onnxstream.server.memory.planned",
            () => models.Models.SelectMany(model => (Measurement<long>[])[
                new(model.OpenBytes, Tag("gen_ai.request.model", model.Name), Tag("onnxstream.memory.account", "open")),
                new(model.JobBytes, Tag("gen_ai.request.model", model.Name), Tag("onnxstream.memory.account", "jobs"))]),
            "By",
            "What models keep open, and what their jobs take, by their plans");
        _meter.CreateObservableUpDownCounter(
            "onnxstream.server.memory.budget", () => models.Budget is { } budget ? (Measurement<long>[])[new(budget)] : [], "By", "What models and jobs may take together");
        _meter.CreateObservableUpDownCounter("onnxstream.server.memory.resident", () => Environment.WorkingSet, "By", "What the system counts for the process");
        _meter.CreateObservableUpDownCounter("onnxstream.server.workers", () => models.Workers.Count, "{worker}", "Machines that do jobs for the server");
        _meter.CreateObservableUpDownCounter("onnxstream.server.workers.slots", () => models.Workers.Sum(worker => worker.Slots), "{job}", "Jobs that those machines do at once");
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);
}
