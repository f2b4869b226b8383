using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
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
    public IReadOnlyList<Uri> Addresses => GuardedApplication.AddressesOf(_application);

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
        GuardedApplication.Check(options);
        TlsCertificate? certificate = GuardedApplication.ReadCertificate(options);
        WebApplication application = GuardedApplication.Build(options, certificate);
        ILoggerFactory loggers = application.Services.GetRequiredService<ILoggerFactory>();
        IServedModels shelf = models(options, loggers);
        JobQueue queue = new(shelf, options.Limits, options.Queue, TimeProvider.System, loggers.CreateLogger<JobQueue>());

        GuardedApplication.Guard(application, options);
        application.UseMiddleware<BodyRoom>(options);
        HealthEndpoints.Map(application, () => queue.IsClosed ? "stopping" : shelf.Trouble);
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
}
