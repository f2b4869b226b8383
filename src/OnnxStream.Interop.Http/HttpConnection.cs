using System.Net;
using System.Net.Http.Headers;
using Microsoft.Extensions.Http.Resilience;
using Polly;

namespace OnnxStream.Interop.Http;

/// <summary>Requests to the server of one address: retries, the token, the limit of patience, and what a refusal means.</summary>
internal sealed class HttpConnection : IDisposable
{
    private const int MostRedirects = 10;

    private readonly HttpClient _client;
    private readonly Uri _home;
    private readonly string? _token;

    /// <summary>Prepares requests; nothing is sent.</summary>
    /// <param name="home">The address whose host may see the token.</param>
    /// <param name="options">How to talk to it.</param>
    public HttpConnection(Uri home, HttpFilesOptions options)
    {
        _home = home;
        Options = options;
        _token = Token(home, options);
        HttpMessageHandler handler = options.CreateHandler?.Invoke() ?? new SocketsHttpHandler
        {
            MaxAutomaticRedirections = MostRedirects,
            AutomaticDecompression = DecompressionMethods.None,
            MaxConnectionsPerServer = Math.Max(2, 2 * options.Connections),
            ConnectTimeout = options.Patience,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            UseCookies = false,
        };
        ResiliencePipelineBuilder<HttpResponseMessage> pipeline = new();
        if (options.Retries > 0)
        {
            pipeline.AddRetry(new HttpRetryStrategyOptions { MaxRetryAttempts = options.Retries, Delay = options.RetryDelay, BackoffType = DelayBackoffType.Exponential, UseJitter = true, ShouldRetryAfterHeader = true });
        }

        pipeline.AddTimeout(options.Patience);
        _client = new HttpClient(new ResilienceHandler(pipeline.Build()) { InnerHandler = handler }) { Timeout = Timeout.InfiniteTimeSpan };
        _client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("onnxstream", typeof(HttpConnection).Assembly.GetName().Version?.ToString(3)));

        // A file that a server packs on the way has other bytes at an offset.
        _client.DefaultRequestHeaders.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity"));
    }

    /// <summary>How to talk to the server.</summary>
    public HttpFilesOptions Options { get; }

    /// <summary>Asks for bytes of a file.</summary>
    /// <param name="address">The file.</param>
    /// <param name="offset">The first byte.</param>
    /// <param name="length">How many, at least 1.</param>
    /// <returns>The answer, whatever its status; its content has not been read.</returns>
    /// <exception cref="WeightsException">There is no answer.</exception>
    public Task<HttpResponseMessage> SendAsync(Uri address, long offset, long length) =>
        SendAsync(address, new RangeHeaderValue(offset, offset + length - 1), CancellationToken.None);

    /// <summary>Asks for a file, or for bytes of it.</summary>
    /// <param name="address">The file.</param>
    /// <param name="range">The bytes; null for all of it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The answer, whatever its status; its content has not been read.</returns>
    /// <exception cref="WeightsException">There is no answer.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task<HttpResponseMessage> SendAsync(Uri address, RangeHeaderValue? range, CancellationToken cancellationToken)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, address);
        request.Headers.Range = range;
        if (_token is not null && address.Host == _home.Host && address.Port == _home.Port && address.Scheme == _home.Scheme)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _token);
        }

        try
        {
            return await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested && exception is (HttpRequestException or Polly.Timeout.TimeoutRejectedException or OperationCanceledException or IOException))
        {
            string reason = exception is Polly.Timeout.TimeoutRejectedException ? $"it was silent for {Options.Patience.TotalSeconds:0.#} seconds" : (exception.InnerException ?? exception).Message;
            throw new WeightsException($"{Name(address)}: the server {address.Host} does not answer: {reason}.{(Options.Retries > 0 ? $" It was asked {Options.Retries + 1} times." : "")}", exception);
        }
    }

    /// <summary>Why an answer has no bytes of the file, and what to do.</summary>
    /// <param name="address">The file.</param>
    /// <param name="answer">The answer.</param>
    public WeightsException Refusal(Uri address, HttpResponseMessage answer)
    {
        string host = answer.RequestMessage?.RequestUri?.Host ?? address.Host;
        string status = $"{(int)answer.StatusCode} {answer.ReasonPhrase ?? answer.StatusCode.ToString()}".TrimEnd();
        string advice = answer.StatusCode switch
        {
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden when _token is null => $" Set {(IsHuggingFace(_home) ? HttpFilesOptions.HuggingFaceTokenVariable : HttpFilesOptions.TokenVariable)} to a token that may read it.",
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => " The token that was sent is not one that may read it.",
            HttpStatusCode.RequestedRangeNotSatisfiable => " It has become shorter since the model was opened. Open the model again.",
            HttpStatusCode.OK => " It sends whole files only; a server that gives parts of files (Accept-Ranges: bytes) is needed. Download the model instead.",
            HttpStatusCode.NotFound or HttpStatusCode.Gone => " It is not there any more.",
            HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError => $" It was asked {Options.Retries + 1} times. Try again later.",
            >= HttpStatusCode.Ambiguous and < HttpStatusCode.BadRequest => $" It redirects more than {MostRedirects} times, or from https to http, which is not followed.",
            _ => "",
        };
        return new WeightsException($"{Name(address)}: the server {host} answers {status}.{advice}");
    }

    /// <summary>The name of a file for messages: its address without the query, which may hold a signature.</summary>
    public static string Name(Uri address) => address.GetLeftPart(UriPartial.Path);

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private static string? Token(Uri home, HttpFilesOptions options)
    {
        string? token = options.BearerToken ?? (IsHuggingFace(home) ? Environment.GetEnvironmentVariable(HttpFilesOptions.HuggingFaceTokenVariable) : null) ?? Environment.GetEnvironmentVariable(HttpFilesOptions.TokenVariable);
        return string.IsNullOrWhiteSpace(token) || (home.Scheme != Uri.UriSchemeHttps && !home.IsLoopback) ? null : token.Trim();
    }

    private static bool IsHuggingFace(Uri address) => (HubEnvironment.Endpoint is { } hub && hub.Host == address.Host && hub.Port == address.Port) || address.Host is "huggingface.co" || address.Host.EndsWith(".huggingface.co", StringComparison.Ordinal);
}
