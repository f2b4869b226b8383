using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Logging;

namespace OnnxStream.Interop.Http.Tests;

/// <summary>ASP.NET Core's own server with the files of a folder, on this machine. What comes before the files decides about each request.</summary>
internal sealed class KestrelServer : IDisposable
{
    private readonly WebApplication _application;

    /// <summary>Starts it.</summary>
    /// <param name="folder">The folder.</param>
    public KestrelServer(string folder)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _application = builder.Build();
        _application.Use(async (context, next) =>
        {
            Requests.Enqueue($"{context.Request.Path}{context.Request.QueryString} {context.Request.Headers.Range} {context.Request.Headers.Authorization}");
            if (Before is not { } before || await before(context))
            {
                await next();
            }
        });
        _application.UseStaticFiles(new StaticFileOptions { FileProvider = new PhysicalFileProvider(folder), ServeUnknownFileTypes = true });
        _application.StartAsync().GetAwaiter().GetResult();
        Address = new Uri(_application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First() + "/");
    }

    /// <summary>Where it listens.</summary>
    public Uri Address { get; }

    /// <summary>Looks at each request; false where it has answered.</summary>
    public Func<HttpContext, Task<bool>>? Before { get; set; }

    /// <summary>What was asked for: path, range and authorization.</summary>
    public ConcurrentQueue<string> Requests { get; } = [];

    /// <inheritdoc/>
    public void Dispose() => _application.DisposeAsync().AsTask().GetAwaiter().GetResult();
}
