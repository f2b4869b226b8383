using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Builder;

namespace OnnxStream.Interop.Server.Http;

/// <summary>Descriptions where endpoints are added.</summary>
internal static class RouteDescriptions
{
    /// <summary>Describes an endpoint.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="summary">What it does.</param>
    /// <param name="request">The type of its body; null where it has none in JSON.</param>
    /// <param name="response">The type of its answer; null where it is not JSON, or has no type.</param>
    public static IEndpointConventionBuilder Described(this IEndpointConventionBuilder endpoint, string summary, JsonTypeInfo? request = null, JsonTypeInfo? response = null) =>
        endpoint.WithMetadata(new RouteDescription(summary, request, response));
}
