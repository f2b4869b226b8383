using System.Text.Json.Serialization;

namespace OnnxStream.Interop.Server.Jobs;

/// <summary>Jobs and their events as JSON, on every way that they go.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowDuplicateProperties = false,
    MaxDepth = 32,
    Converters = [typeof(SnakeCaseEnum<JobKind>), typeof(SnakeCaseEnum<JobEventType>), typeof(SnakeCaseEnum<JobState>)])]
[JsonSerializable(typeof(JobRequest))]
[JsonSerializable(typeof(JobEvent))]
public sealed partial class JobJson : JsonSerializerContext;
