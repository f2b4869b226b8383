using System.Text.Json;

namespace OnnxStream.Interop.Benchmarks.Language;

/// <summary>What a process prints: the part of <c>onnxstream bench-llm --json</c> that is compared.</summary>
/// <param name="Tests">A prompt, then tokens one by one.</param>
/// <param name="PeakRssBytes">The most memory that the process had resident.</param>
internal sealed record LanguageMeasurement(IReadOnlyList<LanguageTest> Tests, long PeakRssBytes)
{
    private static readonly JsonSerializerOptions s_options = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static LanguageMeasurement Parse(string json) =>
        JsonSerializer.Deserialize<LanguageMeasurement>(json, s_options) ?? throw new JsonException("The process printed no report.");
}
