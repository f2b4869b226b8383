using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OnnxStream.Interop.Server.Automatic1111;
using OnnxStream.Interop.Server.Http;
using OnnxStream.Interop.Server.Jobs;
using OnnxStream.Interop.Server.Models;
using OnnxStream.Interop.Server.OpenAi;

namespace OnnxStream.Interop.Server;

/// <summary>Models behind web interfaces. It knows the rooms and puts them together; what goes on between requests and models is jobs.</summary>
public sealed class ModelServer : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly ModelServerOptions _options;
    private readonly TlsCertificate? _certificate;
    private readonly ServerGauges _gauges;

    private ModelServer(WebApplication application, ModelServerOptions options, IServedModels models, JobQueue queue, TlsCertificate? certificate)
    {
        _certificate = certificate;
        _gauges = new ServerGauges(queue, models);
        _application = application;
        _options = options;
        Models = models;
        Queue = queue;
    }

    /// <summary>The models.</summary>
    public IServedModels Models { get; }

    /// <summary>The jobs.</summary>
    public JobQueue Queue { get; }

    /// <summary>Where it listens, once it has been started.</summary>
    public IReadOnlyList<Uri> Addresses => [.. (_application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses ?? []).Select(address => new Uri(address))];

    /// <summary>Makes a server; <see cref="StartAsync"/> starts it.</summary>
    /// <param name="options">How.</param>
    /// <exception cref="ArgumentException">An option makes no sense, or would let everybody in.</exception>
    /// <exception cref="FileNotFoundException">The certificate or its key does not exist.</exception>
    /// <exception cref="DirectoryNotFoundException">A folder of models does not exist.</exception>
    /// <exception cref="OnnxStreamException">A folder that was named holds no model.</exception>
    public static ModelServer Create(ModelServerOptions options) => Create(options, (given, loggers) => new ModelShelf(given.Models, TimeProvider.System, loggers.CreateLogger<ModelShelf>()));

    /// <summary>Makes a server whose models are elsewhere.</summary>
    /// <param name="options">How.</param>
    /// <param name="models">Makes the models, which the server closes at its end.</param>
    /// <exception cref="ArgumentException">An option makes no sense, or would let everybody in.</exception>
    public static ModelServer Create(ModelServerOptions options, Func<ModelServerOptions, ILoggerFactory, IServedModels> models)
    {
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(options);
        Check(options);

        // Neither files nor the environment say how it works, but what it is given here.
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = [], EnvironmentName = Environments.Production, ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.Sources.Clear();
        builder.Configuration.AddInMemoryCollection();
        ServerLog.Add(builder.Logging, options.LogLevel);
        builder.WebHost.UseUrls([.. options.Urls]);
        TlsCertificate? certificate = options.TlsCertificateFile is { } file ? TlsCertificate.Read(file, options.TlsKeyFile) : null;
        if (certificate is not null)
        {
            builder.WebHost.UseKestrelHttpsConfiguration();
        }

        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            Limit(kestrel, options);
            if (certificate is not null)
            {
                kestrel.ConfigureHttpsDefaults(https => (https.ServerCertificate, https.ServerCertificateChain) = (certificate.Own, certificate.Others));
            }
        });
        builder.Services.AddRateLimiter(_ => { });
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = options.DrainTime + TimeSpan.FromSeconds(10));

        options.Services?.Invoke(builder.Services);
        WebApplication application = builder.Build();
        ILoggerFactory loggers = application.Services.GetRequiredService<ILoggerFactory>();
        IServedModels shelf = models(options, loggers);
        JobQueue queue = new(shelf, options.Limits, options.Queue, TimeProvider.System, loggers.CreateLogger<JobQueue>());

        application.UseMiddleware<ErrorMiddleware>(loggers.CreateLogger<ErrorMiddleware>());
        application.Use(SecurityHeaders.AddAsync);
        application.UseRouting();
        application.UseMiddleware<GuardMiddleware>(new ApiKeys(options.ApiKeys));
        application.UseRateLimiter(RequestRates.Options(options.RequestsPerMinute));
        application.UseMiddleware<BodyRoom>(options);
        new StatusEndpoints(shelf, queue, options).Map(application);
        new JobEndpoints(queue).Map(application);
        JobRunner runner = new(queue);
        new TextEndpoints(runner).Map(application);
        new EmbeddingEndpoints(runner).Map(application);
        new ImageEndpoints(runner, options.Limits).Map(application);
        new AudioEndpoints(runner, options.Limits).Map(application);
        new DiffusionEndpoints(runner, shelf).Map(application);
        OpenApiEndpoint.Map(application);
        options.Endpoints?.Invoke(application);
        PageEndpoints.Map(application);
        return new ModelServer(application, options, shelf, queue, certificate);
    }

    /// <summary>Starts to listen.</summary>
    /// <param name="cancellationToken">Stops the start.</param>
    /// <exception cref="IOException">An address is in use.</exception>
    public Task StartAsync(CancellationToken cancellationToken = default) => _application.StartAsync(cancellationToken);

    /// <summary>Stops: new jobs are refused, those that are being done may end, those that wait are cancelled.</summary>
    public async Task StopAsync()
    {
        await Queue.DrainAsync(_options.DrainTime);
        await _application.StopAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _gauges.Dispose();
        await Queue.DisposeAsync();
        await _application.DisposeAsync();
        await Models.DisposeAsync();
        _certificate?.Dispose();
    }

    private static void Check(ModelServerOptions options)
    {
        if (options.Urls.Count == 0)
        {
            throw new ArgumentException("The server needs an address to listen at.", nameof(options));
        }

        foreach (string url in options.Urls)
        {
            if (!Uri.TryCreate(url, UriKind.Absolute, out Uri? uri) || uri.Scheme is not ("http" or "https"))
            {
                throw new ArgumentException($"{url} is no address to listen at; expected one as http://127.0.0.1:8080.", nameof(options));
            }

            if (uri.Scheme == "https" && options.TlsCertificateFile is null)
            {
                throw new ArgumentException($"{url} needs a certificate: name one with --tls-certificate, or listen at an address with http.", nameof(options));
            }

            bool isLocal = uri.Host == "localhost" || (IPAddress.TryParse(uri.Host.Trim('[', ']'), out IPAddress? address) && IPAddress.IsLoopback(address));
            if (!isLocal && options.ApiKeys.Count == 0)
            {
                throw new ArgumentException($"Other machines reach {url}, so the server needs a key: without one it listens to 127.0.0.1, [::1] or localhost alone.", nameof(options));
            }
        }

        if (options.TlsKeyFile is not null && options.TlsCertificateFile is null)
        {
            throw new ArgumentException($"{options.TlsKeyFile} is a key without a certificate: name that with --tls-certificate.", nameof(options));
        }

        if (options.TlsCertificateFile is { } unused && !options.Urls.Any(url => url.StartsWith("https:", StringComparison.OrdinalIgnoreCase)))
        {
            throw new ArgumentException($"The certificate {unused} is for addresses with https, and none of them is one: {string.Join(", ", options.Urls)}.", nameof(options));
        }

        const int ShortestKey = 16;
        if (options.ApiKeys.Any(key => key.Length < ShortestKey || key.Any(character => character is <= ' ' or > '~')))
        {
            throw new ArgumentException($"A key should have at least {ShortestKey} characters, all of them printable ASCII without spaces.", nameof(options));
        }
    }

    private static void Limit(KestrelServerOptions kestrel, ModelServerOptions options)
    {
        kestrel.AddServerHeader = false;
        kestrel.AllowSynchronousIO = false;
        kestrel.Limits.MaxRequestBodySize = options.MostBodyBytes;
        kestrel.Limits.MaxConcurrentConnections = options.MostConnections;
        kestrel.Limits.MaxRequestHeadersTotalSize = 16 << 10;
        kestrel.Limits.MaxRequestHeaderCount = 64;
        kestrel.Limits.MaxRequestLineSize = 4 << 10;
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(60);
        kestrel.Limits.MinRequestBodyDataRate = new MinDataRate(bytesPerSecond: 1024, gracePeriod: TimeSpan.FromSeconds(5));
    }
}
