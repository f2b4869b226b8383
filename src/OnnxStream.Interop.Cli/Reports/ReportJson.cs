using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace OnnxStream.Interop.Cli.Reports;

/// <summary>Writes reports as JSON, without reflection.</summary>
[JsonSerializable(typeof(RunReport))]
[JsonSerializable(typeof(InspectReport))]
[JsonSerializable(typeof(GenerationReport))]
[JsonSerializable(typeof(GenerationPlanReport))]
[JsonSerializable(typeof(AnswerReport))]
[JsonSerializable(typeof(BenchLlmReport))]
[JsonSerializable(typeof(ConversationReport))]
[JsonSerializable(typeof(TokenizeReport))]
[JsonSerializable(typeof(PlanReport))]
[JsonSerializable(typeof(PackReport))]
[JsonSerializable(typeof(CacheReport))]
[JsonSerializable(typeof(CalibrationReport))]
[JsonSerializable(typeof(QuantizeReport))]
[JsonSerializable(typeof(EmbeddingReport))]
[JsonSerializable(typeof(SearchReport))]
[JsonSerializable(typeof(OcrReport))]
[JsonSerializable(typeof(ClassificationReport))]
[JsonSerializable(typeof(DetectionReport))]
[JsonSerializable(typeof(BackgroundReport))]
[JsonSerializable(typeof(VoiceActivityReport))]
[JsonSerializable(typeof(TranscriptReport))]
[JsonSerializable(typeof(SelfTestReport))]
[JsonSerializable(typeof(PullReport))]
[JsonSerializable(typeof(LocalModelsReport))]
[JsonSerializable(typeof(KnownModelsReport))]
[JsonSerializable(typeof(SpeedReport))]
internal sealed partial class ReportJson : JsonSerializerContext
{
    // The text goes to a terminal or a file, not into a web page: names and prompts stay readable.
    private static readonly ReportJson Instance = new(new JsonSerializerOptions
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        NewLine = "\n",
    });

    /// <summary>A report of its JSON text.</summary>
    /// <exception cref="JsonException">It is none.</exception>
    public static T Deserialize<T>(string json)
        where T : notnull =>
        JsonSerializer.Deserialize(json, (JsonTypeInfo<T>)Instance.GetTypeInfo(typeof(T))!) ?? throw new JsonException("There is nothing.");

    /// <summary>The JSON text of a report.</summary>
    public static string Serialize<T>(T report)
        where T : notnull =>
        JsonSerializer.Serialize(report, (JsonTypeInfo<T>)Instance.GetTypeInfo(typeof(T))!);
}
