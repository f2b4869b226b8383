using System.Text.Json.Serialization.Metadata;

namespace OnnxStream.Interop.Server.Http;

/// <summary>What the OpenAPI document says of an endpoint.</summary>
/// <param name="Summary">What it does.</param>
/// <param name="Request">The type of its body; null where it has none in JSON.</param>
/// <param name="Response">The type of its answer; null where it is not JSON, or has no type.</param>
internal sealed record RouteDescription(string Summary, JsonTypeInfo? Request, JsonTypeInfo? Response);
