using Microsoft.Extensions.Logging;
using OnnxStream.Interop.Server.Models;

namespace OnnxStream.Interop.Server.Page.Tests;

/// <summary>A server with the models of these tests, on a port of loopback that it keeps when it is started again.</summary>
internal sealed class PageServer : IAsyncDisposable
{
    private ModelServerOptions _options;
    private ModelServer _server;

    private PageServer(ModelServerOptions options, ModelServer server)
    {
        _options = options;
        _server = server;
    }

    public static string Models { get; } = Path.Combine(TestContext.CurrentContext.TestDirectory, "Models");

    public Uri Address => _server.Addresses[0];

    public ModelServer Server => _server;

    public static async Task<PageServer> StartAsync(Func<ModelServerOptions, ModelServerOptions>? change = null)
    {
        ModelServerOptions options = new()
        {
            Urls = ["http://127.0.0.1:0"],
            Models = new ModelShelfOptions { Folder = Models, Budget = 128 << 20, Session = new SessionOptions { ThreadCount = 1 } },
            RequestsPerMinute = 100_000,
            DrainTime = TimeSpan.Zero,
            LogLevel = LogLevel.Critical,
        };
        options = change?.Invoke(options) ?? options;
        ModelServer server = ModelServer.Create(options);
        await server.StartAsync();
        return new PageServer(options, server);
    }

    public async Task StopAsync()
    {
        _options = _options with { Urls = [Address.GetLeftPart(UriPartial.Authority)] };
        await _server.StopAsync();
        await _server.DisposeAsync();
    }

    public async Task StartAgainAsync()
    {
        _server = ModelServer.Create(_options);
        await _server.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _server.StopAsync();
        await _server.DisposeAsync();
    }
}
