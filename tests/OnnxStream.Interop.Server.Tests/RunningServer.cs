using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using OnnxStream.Interop.Server.Models;

namespace OnnxStream.Interop.Server.Tests;

/// <summary>A server with the models of these tests, on a free port of loopback, and ways to talk with it.</summary>
internal sealed class RunningServer : IAsyncDisposable
{
    private RunningServer(ModelServer server, string? key)
    {
        Server = server;
        Client = new HttpClient { BaseAddress = server.Addresses[0] };
        if (key is not null)
        {
            Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        }
    }

    public static string Models { get; } = Path.Combine(TestContext.CurrentContext.TestDirectory, "Models");

    public ModelServer Server { get; }

    public HttpClient Client { get; }

    public static async Task<RunningServer> StartAsync(Func<ModelServerOptions, ModelServerOptions>? change = null, string? key = null)
    {
        ModelServerOptions options = new()
        {
            Urls = ["http://127.0.0.1:0"],
            Models = new ModelShelfOptions { Folder = Models, Session = new SessionOptions { ThreadCount = 1 } },
            RequestsPerMinute = 100_000,
            DrainTime = TimeSpan.FromSeconds(10),
            LogLevel = LogLevel.Critical,
        };
        ModelServer server = ModelServer.Create(change?.Invoke(options) ?? options);
        await server.StartAsync();
        return new RunningServer(server, key);
    }

    /// <summary>Posts JSON and reads the answer.</summary>
    public async Task<(HttpStatusCode Status, JsonElement Body)> PostAsync(string path, string json)
    {
        using StringContent content = new(json, Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await Client.PostAsync(new Uri(path, UriKind.Relative), content);
        return (response.StatusCode, await ReadAsync(response));
    }

    public async Task<(HttpStatusCode Status, JsonElement Body)> GetAsync(string path)
    {
        using HttpResponseMessage response = await Client.GetAsync(new Uri(path, UriKind.Relative));
        return (response.StatusCode, await ReadAsync(response));
    }

    public static async Task<JsonElement> ReadAsync(HttpResponseMessage response)
    {
        string text = await response.Content.ReadAsStringAsync();
        return text.Length == 0 ? default : JsonElement.Parse(text);
    }

    /// <summary>Sends bytes as they are, and reads until the server closes the connection or nothing more comes.</summary>
    public async Task<string> SendRawAsync(string request, TimeSpan? patience = null)
    {
        using TcpClient tcp = new();
        await tcp.ConnectAsync(IPAddress.Loopback, Client.BaseAddress!.Port);
        NetworkStream stream = tcp.GetStream();
        using CancellationTokenSource stop = new(patience ?? TimeSpan.FromSeconds(10));
        byte[] buffer = new byte[64 << 10];
        StringBuilder answer = new();
        try
        {
            await stream.WriteAsync(Encoding.Latin1.GetBytes(request), stop.Token);
            int count;
            while ((count = await stream.ReadAsync(buffer, stop.Token)) > 0)
            {
                answer.Append(Encoding.Latin1.GetString(buffer, 0, count));
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
        {
        }

        return answer.ToString();
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.StopAsync();
        await Server.DisposeAsync();
    }
}
