using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Builder;

namespace OnnxStream.Interop.Server.Http;

/// <summary>Descriptions where endpoints are added.</summary>
internal static class RouteDescriptions
{
    /// <summary>Describes an endpoint that takes JSON.</summary>
    public static IEndpointConventionBuilder Described<TRequest>(this IEndpointConventionBuilder endpoint, string summary, JsonTypeInfo<TRequest> request, JsonTypeInfo? response = null) =>
        endpoint.WithMetadata(new RouteDescription(summary, request, response));

    /// <summary>Describes an endpoint that takes no JSON.</summary>
    public static IEndpointConventionBuilder Described(this IEndpointConventionBuilder endpoint, string summary, JsonTypeInfo? response = null) =>
        endpoint.WithMetadata(new RouteDescription(summary, null, response));
}
