using System.Net;
using Microsoft.AspNetCore.Http;

namespace OnnxStream.Interop.Server.Http;

/// <summary>Lets in who may come in: no page of another site, nobody by a foreign name of this machine, nobody without a key where there are keys.</summary>
internal sealed class GuardMiddleware(RequestDelegate next, ApiKeys keys)
{
    private const string Scheme = "Bearer ";

    /// <summary>Answers a request.</summary>
    public Task InvokeAsync(HttpContext context)
    {
        HttpRequest request = context.Request;

        // A page in a browser on this machine may send requests here; what it cannot do is lie about where it comes from.
        if (request.Headers.Origin is [{ } origin] && !IsOwnOrigin(origin, request))
        {
            throw new ApiException(StatusCodes.Status403Forbidden, "foreign_origin", "Pages of other sites may not use this server.");
        }

        if (keys.Any)
        {
            string? owner = FindKey(request) is { } key ? keys.FindOwner(key) : null;
            if (owner is not null)
            {
                context.SetOwner(owner);
            }
            else if (context.GetEndpoint()?.Metadata.GetMetadata<OpenToAll>() is null)
            {
                throw new ApiException(StatusCodes.Status401Unauthorized, "invalid_api_key", "A key is needed, in the header \"Authorization: Bearer KEY\", and this is none of the server's.");
            }
        }
        else if (!IsThisMachine(request.Host.Host))
        {
            // Without keys the server listens to this machine alone. A site that has its name point here would have a browser send requests for it.
            throw new ApiException(StatusCodes.Status403Forbidden, "foreign_host", "This server has no keys, and is reached as localhost alone.");
        }

        return next(context);
    }

    private static bool IsOwnOrigin(string origin, HttpRequest request) =>
        Uri.TryCreate(origin, UriKind.Absolute, out Uri? uri) && string.Equals(uri.Authority, request.Host.Value, StringComparison.OrdinalIgnoreCase);

    private static bool IsThisMachine(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host.Trim('[', ']'), out IPAddress? address) && IPAddress.IsLoopback(address));

    // OpenAI's clients send a bearer; those of AUTOMATIC1111 a name and a password, of which the password is the key.
    private static string? FindKey(HttpRequest request)
    {
        string? header = request.Headers.Authorization is [{ } only] ? only : null;
        if (header is null)
        {
            return request.Headers["X-API-Key"] is [{ } key] ? key : null;
        }

        if (header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return header[Scheme.Length..].Trim();
        }

        const string Basic = "Basic ";
        byte[] bytes = new byte[header.Length];
        return header.StartsWith(Basic, StringComparison.OrdinalIgnoreCase) && Convert.TryFromBase64String(header[Basic.Length..].Trim(), bytes, out int count)
            ? System.Text.Encoding.UTF8.GetString(bytes, 0, count).Split(':', 2) is [_, var password] ? password : null
            : null;
    }
}
