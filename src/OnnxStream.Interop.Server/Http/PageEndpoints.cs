using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace OnnxStream.Interop.Server.Http;

/// <summary>The page, and the files that it loads: they lie in this assembly.</summary>
internal static class PageEndpoints
{
    private const string Prefix = "Page/";

    private static readonly Assembly s_assembly = typeof(PageEndpoints).Assembly;

    /// <summary>Adds an endpoint for each file.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        foreach (string resource in s_assembly.GetManifestResourceNames().Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)))
        {
            string name = resource[Prefix.Length..].Replace('\\', '/');
            string tag = $"\"{s_assembly.ManifestModule.ModuleVersionId:N}\"";
            routes.MapMethods($"/{(name == "index.html" ? "" : name)}", [HttpMethods.Get, HttpMethods.Head], context => SendAsync(context, resource, tag)).WithMetadata(OpenToAll.Instance);
        }
    }

    private static async Task SendAsync(HttpContext context, string resource, string tag)
    {
        context.Response.Headers.ETag = tag;
        context.Response.Headers.CacheControl = "no-cache";
        if (context.Request.Headers.IfNoneMatch == tag)
        {
            context.Response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        await using Stream stream = s_assembly.GetManifestResourceStream(resource)!;
        context.Response.ContentType = Path.GetExtension(resource) switch
        {
            ".html" => "text/html; charset=utf-8",
            ".css" => "text/css; charset=utf-8",
            ".js" or ".mjs" => "text/javascript; charset=utf-8",
            ".json" => "application/json; charset=utf-8",
            ".svg" => "image/svg+xml",
            ".png" => "image/png",
            ".ico" => "image/x-icon",
            ".webmanifest" => "application/manifest+json",
            ".txt" => "text/plain; charset=utf-8",
            _ => "application/octet-stream",
        };
        context.Response.ContentLength = stream.Length;
        if (HttpMethods.IsGet(context.Request.Method))
        {
            await stream.CopyToAsync(context.Response.Body, context.RequestAborted);
        }
    }
}
