using System.Text.Json.Serialization;

namespace OnnxStream.Interop.Server.OpenAi;

/// <summary>A picture: a PNG file in base 64.</summary>
internal sealed record ImageData([property: JsonPropertyName("b64_json")] byte[] Base64Json)
{
    /// <summary>The seed that makes it again.</summary>
    public long? Seed { get; init; }
}
