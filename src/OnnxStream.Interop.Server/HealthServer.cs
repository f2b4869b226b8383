using Microsoft.AspNetCore.Builder;
using OnnxStream.Interop.Server.Http;

namespace OnnxStream.Interop.Server;

/// <summary>What a program without interfaces of its own, such as a worker of a fleet, answers to those who watch it: <c>/health</c>, <c>/ready</c>, and endpoints that it is given.</summary>
public sealed class HealthServer : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly TlsCertificate? _certificate;

    private HealthServer(WebApplication application, TlsCertificate? certificate)
    {
        _application = application;
        _certificate = certificate;
    }

    /// <summary>Where it listens, once it has been started.</summary>
    public IReadOnlyList<Uri> Addresses => GuardedApplication.AddressesOf(_application);

    /// <summary>Makes a server; <see cref="StartAsync"/> starts it.</summary>
    /// <param name="options">Where it listens and who may come in; what is about models and jobs does not count.</param>
    /// <param name="trouble">Says why the program can do no jobs now; null where it can.</param>
    /// <exception cref="ArgumentException">An option makes no sense, or would let everybody in.</exception>
    /// <exception cref="FileNotFoundException">The certificate or its key does not exist.</exception>
    public static HealthServer Create(ModelServerOptions options, Func<string?> trouble)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(trouble);
        GuardedApplication.Check(options);
        TlsCertificate? certificate = GuardedApplication.ReadCertificate(options);
        WebApplication application = GuardedApplication.Build(options, certificate);
        GuardedApplication.Guard(application, options);
        HealthEndpoints.Map(application, trouble);
        options.Endpoints?.Invoke(application);
        return new HealthServer(application, certificate);
    }

    /// <summary>Starts to listen.</summary>
    /// <param name="cancellationToken">Stops the start.</param>
    /// <exception cref="IOException">An address is in use.</exception>
    public Task StartAsync(CancellationToken cancellationToken = default) => _application.StartAsync(cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync();
        await _application.DisposeAsync();
        _certificate?.Dispose();
    }
}
