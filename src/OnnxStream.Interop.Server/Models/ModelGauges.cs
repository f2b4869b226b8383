using System.Diagnostics.Metrics;

namespace OnnxStream.Interop.Server.Models;

/// <summary>Who has how much of the memory now, for .NET's observers. Plans say so, and sessions are held to them.</summary>
internal sealed class ModelGauges : IDisposable
{
    private readonly Meter _meter = new(ServerTelemetry.Name);

    public ModelGauges(ModelShelf shelf)
    {
        _meter.CreateObservableUpDownCounter(
            "onnxstream.memory.planned",
            () => shelf.Models.SelectMany(model => (Measurement<long>[])[
                new(model.OpenBytes, new("gen_ai.request.model", model.Name), new KeyValuePair<string, object?>("onnxstream.memory.account", "open")),
                new(model.JobBytes, new("gen_ai.request.model", model.Name), new KeyValuePair<string, object?>("onnxstream.memory.account", "jobs"))]),
            "By",
            "What models keep open, and what their jobs take, by their plans");
        _meter.CreateObservableUpDownCounter("onnxstream.memory.budget", () => shelf.Budget is { } budget ? (Measurement<long>[])[new(budget)] : [], "By", "What models and jobs may take together");
        _meter.CreateObservableUpDownCounter("onnxstream.models.open", () => shelf.Models.Count(model => model.IsOpen), "{model}", "Models that are open");
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();
}
