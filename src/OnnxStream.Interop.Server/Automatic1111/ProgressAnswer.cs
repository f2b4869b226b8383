using System.Text.Json.Serialization;

namespace OnnxStream.Interop.Server.Automatic1111;

/// <summary>How far the pictures of a client are.</summary>
internal sealed record ProgressAnswer(double Progress, double EtaRelative, ProgressState State)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public byte[]? CurrentImage { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? Textinfo { get; init; }
}
