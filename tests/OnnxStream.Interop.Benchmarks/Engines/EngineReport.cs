using System.Text.Json;

namespace OnnxStream.Interop.Benchmarks.Engines;

/// <summary>What an engine's process prints: the part of <c>onnxstream run --json</c> that is compared.</summary>
/// <param name="LoadS">Seconds from opening the model to a session that is ready.</param>
/// <param name="RunsS">Seconds of each run; the first one warms up.</param>
/// <param name="PeakRssBytes">The most memory that the process had resident.</param>
/// <param name="Outputs">The outputs.</param>
internal sealed record EngineReport(double LoadS, IReadOnlyList<double> RunsS, long PeakRssBytes, IReadOnlyList<OutputFile> Outputs)
{
    private static readonly JsonSerializerOptions s_options = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static EngineReport Parse(string json) =>
        JsonSerializer.Deserialize<EngineReport>(json, s_options) ?? throw new JsonException("The process printed no report.");

    public string ToJson() => JsonSerializer.Serialize(this, s_options);
}
