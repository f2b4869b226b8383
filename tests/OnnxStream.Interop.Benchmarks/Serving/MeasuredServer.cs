using System.Net;
using System.Text;
using System.Text.Json;

namespace OnnxStream.Interop.Benchmarks.Serving;

/// <summary><c>onnxstream serve</c> on loopback, and ways to ask it.</summary>
internal sealed class MeasuredServer : IDisposable
{
    private MeasuredServer(ServingProcess process, Uri address)
    {
        Process = process;
        Client = new HttpClient { BaseAddress = address, Timeout = TimeSpan.FromMinutes(5) };
    }

    /// <summary>The process.</summary>
    public ServingProcess Process { get; }

    /// <summary>Who asks.</summary>
    public HttpClient Client { get; }

    /// <summary>Starts one, on a free port, without a limit on the rate of requests.</summary>
    public static async Task<MeasuredServer> StartAsync(string tool, IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        ServingProcess process = new(tool, ["serve", "--port", "0", "--requests-per-minute", "1000000", .. arguments]);
        try
        {
            string line = await process.WaitForAsync("; Ctrl+C ends", cancellationToken);
            int begin = line.IndexOf("http://", StringComparison.Ordinal);
            return new MeasuredServer(process, new Uri(line[begin..line.IndexOf(';', begin)]));
        }
        catch
        {
            process.Dispose();
            throw;
        }
    }

    /// <summary>Asks, and reads the answer to its end.</summary>
    public async Task<(HttpStatusCode Status, bool HasRetryAfter, string Body)> PostAsync(string path, string json, CancellationToken cancellationToken)
    {
        using StringContent content = new(json, Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await Client.PostAsync(new Uri(path, UriKind.Relative), content, cancellationToken);
        return (response.StatusCode, response.Headers.RetryAfter is not null, await response.Content.ReadAsStringAsync(cancellationToken));
    }

    /// <summary>Asks for what must succeed.</summary>
    /// <exception cref="IOException">It did not.</exception>
    public async Task<string> DoAsync(string path, string json, CancellationToken cancellationToken)
    {
        (HttpStatusCode status, _, string body) = await PostAsync(path, json, cancellationToken);
        return status is HttpStatusCode.OK or HttpStatusCode.Accepted ? body : throw new IOException($"{path} answered {(int)status}: {body}");
    }

    /// <summary>Asks for JSON.</summary>
    public async Task<JsonElement> GetAsync(string path, CancellationToken cancellationToken) => JsonElement.Parse(await Client.GetStringAsync(new Uri(path, UriKind.Relative), cancellationToken));

    /// <inheritdoc/>
    public void Dispose()
    {
        Client.Dispose();
        Process.Dispose();
    }
}
