using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace OnnxStream.Interop.Server.Http;

/// <summary>Whether the process lives, and whether it takes jobs: for whoever restarts it or sends it work. No key is needed.</summary>
internal static class HealthEndpoints
{
    /// <summary>Adds the endpoints.</summary>
    /// <param name="routes">Where to.</param>
    /// <param name="trouble">Says why no jobs are taken; null where they are.</param>
    public static void Map(IEndpointRouteBuilder routes, Func<string?> trouble)
    {
        foreach (string path in (string[])["/health", "/health/live"])
        {
            routes.MapGet(path, context => SayAsync(context, true, "ok")).Described("Whether the process lives.").WithMetadata(OpenToAll.Instance);
        }

        foreach (string path in (string[])["/ready", "/health/ready"])
        {
            routes.MapGet(path, context => trouble() is { } reason ? SayAsync(context, false, reason) : SayAsync(context, true, "ready")).Described("Whether jobs are taken.").WithMetadata(OpenToAll.Instance);
        }
    }

    private static Task SayAsync(HttpContext context, bool isWell, string word)
    {
        context.Response.StatusCode = isWell ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        context.Response.ContentType = "text/plain; charset=utf-8";
        context.Response.Headers.CacheControl = "no-store";
        return context.Response.WriteAsync($"{word}\n", context.RequestAborted);
    }
}
