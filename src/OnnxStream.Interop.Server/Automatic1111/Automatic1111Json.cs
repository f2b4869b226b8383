using System.Text.Json.Serialization;

namespace OnnxStream.Interop.Server.Automatic1111;

/// <summary>The bodies of AUTOMATIC1111's API.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    MaxDepth = 64)]
[JsonSerializable(typeof(DiffusionRequest))]
[JsonSerializable(typeof(DiffusionAnswer))]
[JsonSerializable(typeof(DiffusionInfo))]
[JsonSerializable(typeof(ProgressAnswer))]
[JsonSerializable(typeof(IReadOnlyList<SamplerView>))]
[JsonSerializable(typeof(IReadOnlyList<SchedulerView>))]
[JsonSerializable(typeof(IReadOnlyList<CheckpointView>))]
[JsonSerializable(typeof(OptionsView))]
internal sealed partial class Automatic1111Json : JsonSerializerContext;
