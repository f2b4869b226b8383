using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using OnnxStream.Interop.Server.Jobs;
using OnnxStream.Interop.Server.Models;

namespace OnnxStream.Interop.Server;

/// <summary>How a server is started. The defaults are safe: it listens to this machine alone.</summary>
public sealed record ModelServerOptions
{
    /// <summary>Where it listens, as in <c>http://127.0.0.1:8080</c>; the port 0 is one that is free. An address that other machines reach needs <see cref="ApiKeys"/>.</summary>
    public IReadOnlyList<string> Urls { get; init; } = ["http://127.0.0.1:8080"];

    /// <summary>The certificate for addresses that begin with <c>https</c>: a PEM file with it and those behind it, or a PKCS#12 file without a password; null for none.</summary>
    public string? TlsCertificateFile { get; init; }

    /// <summary>A PEM file with the key of <see cref="TlsCertificateFile"/>; null where that is in the same file.</summary>
    public string? TlsKeyFile { get; init; }

    /// <summary>Who may use it: each client sends a key, and clients with different keys do not see each other's jobs. None: everybody on this machine.</summary>
    public IReadOnlyList<string> ApiKeys { get; init; } = [];

    /// <summary>The models, and what they may take.</summary>
    public ModelShelfOptions Models { get; init; } = new();

    /// <summary>How many jobs there may be.</summary>
    public JobQueueOptions Queue { get; init; } = new();

    /// <summary>How much one job may ask for.</summary>
    public JobLimits Limits { get; init; } = new();

    /// <summary>The most memory of the process, as it is reported; what models may take of it is <see cref="ModelShelfOptions.Budget"/>. Null for no limit.</summary>
    public long? MemoryLimit { get; init; }

    /// <summary>The most bytes of a request's body.</summary>
    public long MostBodyBytes { get; init; } = 32L << 20;

    /// <summary>The most bytes of all bodies that are being read or answered at once; further requests are refused.</summary>
    public long MostBodyBytesTogether { get; init; } = 128L << 20;

    /// <summary>The most connections at once.</summary>
    public int MostConnections { get; init; } = 512;

    /// <summary>The most requests that a client, told by its key or its address, may make in a minute.</summary>
    public int RequestsPerMinute { get; init; } = 1200;

    /// <summary>How long jobs that are being done may go on when the server is stopped.</summary>
    public TimeSpan DrainTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Adds services of the program, such as those that collect and export telemetry; null for none.</summary>
    public Action<IServiceCollection>? Services { get; init; }

    /// <summary>Adds endpoints of the program. They need a key where others do.</summary>
    public Action<IEndpointRouteBuilder>? Endpoints { get; init; }

    /// <summary>The least that is logged.</summary>
    public Microsoft.Extensions.Logging.LogLevel LogLevel { get; init; } = Microsoft.Extensions.Logging.LogLevel.Information;
}
