using System.Text.Json.Serialization;

namespace OnnxStream.Interop.Server.Automatic1111;

/// <summary>A model. In place of its file there is its name.</summary>
internal sealed record CheckpointView(string Title, string ModelName, string Filename)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? Hash { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? Sha256 { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? Config { get; init; }
}
