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

namespace OnnxStream.Interop.Server.Http;

/// <summary>What every server here is made of: listening where it is safe, limits of connections, and who may come in.</summary>
internal static class GuardedApplication
{
    /// <summary>Checks where it shall listen, and who may come in there.</summary>
    /// <exception cref="ArgumentException">An option makes no sense, or would let everybody in.</exception>
    public static void Check(ModelServerOptions options)
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

    /// <summary>Reads the certificate; null where there is none.</summary>
    public static TlsCertificate? ReadCertificate(ModelServerOptions options) => options.TlsCertificateFile is { } file ? TlsCertificate.Read(file, options.TlsKeyFile) : null;

    /// <summary>Makes the application, without anything that it answers.</summary>
    public static WebApplication Build(ModelServerOptions options, TlsCertificate? certificate)
    {
        // Neither files nor the environment say how it works, but what it is given here.
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = [], EnvironmentName = Environments.Production, ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.Sources.Clear();
        builder.Configuration.AddInMemoryCollection();
        ServerLog.Add(builder.Logging, options.LogLevel);
        builder.WebHost.UseUrls([.. options.Urls]);
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
        return builder.Build();
    }

    /// <summary>Adds what comes before any endpoint: errors in the server's own shape, security headers, the limit of bodies, keys, rates.</summary>
    public static void Guard(WebApplication application, ModelServerOptions options)
    {
        application.UseMiddleware<ErrorMiddleware>(application.Services.GetRequiredService<ILoggerFactory>().CreateLogger<ErrorMiddleware>());
        application.Use(SecurityHeaders.AddAsync);
        application.UseMiddleware<BodyLimitMiddleware>();
        application.UseRouting();
        application.UseMiddleware<GuardMiddleware>(new ApiKeys(options.ApiKeys));
        application.UseRateLimiter(RequestRates.Options(options.RequestsPerMinute));
    }

    /// <summary>Where it listens, once it has been started.</summary>
    public static IReadOnlyList<Uri> AddressesOf(WebApplication application) =>
        [.. (application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses ?? []).Select(address => new Uri(address))];

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
