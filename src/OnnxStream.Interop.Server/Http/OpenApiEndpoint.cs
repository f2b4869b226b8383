using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace OnnxStream.Interop.Server.Http;

/// <summary>The OpenAPI document (https://spec.openapis.org/oas/v3.1.0), made of the endpoints that there are and of the types that they read and write.</summary>
/// <remarks>
/// It is written here and not by Microsoft.AspNetCore.OpenApi: that describes delegates whose parameters ASP.NET binds, and endpoints here read bodies
/// themselves, so that each API answers errors in its own shape.
/// </remarks>
internal static class OpenApiEndpoint
{
    /// <summary>Adds the endpoint.</summary>
    public static void Map(IEndpointRouteBuilder routes) => routes.MapGet("/openapi.json", WriteAsync).Described("This document.");

    private static async Task WriteAsync(HttpContext context)
    {
        JsonObject paths = [];
        foreach (RouteEndpoint endpoint in context.RequestServices.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>())
        {
            if (endpoint.Metadata.GetMetadata<RouteDescription>() is not { } description)
            {
                continue;
            }

            string path = endpoint.RoutePattern.RawText!.Replace(":int}", "}", StringComparison.Ordinal);
            if (paths[path] is not JsonObject operations)
            {
                paths[path] = operations = [];
            }

            foreach (string method in endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? [])
            {
                operations[method.ToLowerInvariant()] = Describe(endpoint, description);
            }
        }

        JsonObject document = new()
        {
            ["openapi"] = "3.1.0",
            ["info"] = new JsonObject { ["title"] = "OnnxStream.Interop", ["version"] = "1" },
            ["paths"] = paths,
            ["components"] = new JsonObject
            {
                ["securitySchemes"] = new JsonObject { ["key"] = new JsonObject { ["type"] = "http", ["scheme"] = "bearer" } },
            },
        };
        context.Response.ContentType = "application/json; charset=utf-8";
        await using Utf8JsonWriter writer = new(context.Response.BodyWriter);
        document.WriteTo(writer);
        await writer.FlushAsync(context.RequestAborted);
    }

    private static JsonObject Describe(RouteEndpoint endpoint, RouteDescription description)
    {
        JsonObject answer = new() { ["description"] = "Done." };
        if (description.Response is { } response)
        {
            answer["content"] = Content(response);
        }

        JsonObject operation = new()
        {
            ["summary"] = description.Summary,
            ["responses"] = new JsonObject
            {
                [endpoint.RoutePattern.RawText == "/jobs" && description.Request is not null ? "202" : "200"] = answer,
                ["default"] = new JsonObject { ["description"] = "An error." },
            },
        };
        if (endpoint.RoutePattern.Parameters.Count > 0)
        {
            operation["parameters"] = new JsonArray([.. endpoint.RoutePattern.Parameters.Select(parameter => new JsonObject
            {
                ["name"] = parameter.Name,
                ["in"] = "path",
                ["required"] = true,
                ["schema"] = new JsonObject { ["type"] = parameter.ParameterPolicies.Count > 0 ? "integer" : "string" },
            })]);
        }

        if (description.Request is { } request)
        {
            operation["requestBody"] = new JsonObject { ["required"] = true, ["content"] = Content(request) };
        }

        if (endpoint.Metadata.GetMetadata<OpenToAll>() is null)
        {
            operation["security"] = new JsonArray(new JsonObject { ["key"] = new JsonArray() });
        }

        return operation;
    }

    private static JsonObject Content(JsonTypeInfo type) => new() { ["application/json"] = new JsonObject { ["schema"] = type.GetJsonSchemaAsNode() } };
}
