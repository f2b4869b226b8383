using System.Text.Json.Serialization;
using OnnxStream.Interop.Server.Jobs;
using OnnxStream.Interop.Server.Models;

namespace OnnxStream.Interop.Fleet;

/// <summary>What goes through the queue, as JSON. Unknown properties are skipped: machines of a fleet need not all be of one version.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true,
    RespectNullableAnnotations = true,
    MaxDepth = 64)]
[JsonSerializable(typeof(FleetJob))]
[JsonSerializable(typeof(FleetEvent))]
[JsonSerializable(typeof(FleetOutcome))]
[JsonSerializable(typeof(ExamineAnswer))]
[JsonSerializable(typeof(Announcement))]
[JsonSerializable(typeof(ModelStatus))]
[JsonSerializable(typeof(JobRequest))]
[JsonSerializable(typeof(float[][]))]
internal sealed partial class FleetJson : JsonSerializerContext;
