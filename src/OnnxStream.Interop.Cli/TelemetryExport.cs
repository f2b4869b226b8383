using System.Diagnostics;
using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace OnnxStream.Interop.Cli;

/// <summary>Brings what the process reports of itself to where people look at it: an endpoint for Prometheus, and a collector that speaks OpenTelemetry's protocol.</summary>
/// <remarks>
/// The environment variables of OpenTelemetry say how (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/). Unlike there, nothing is sent
/// anywhere unless somebody says where to.
/// </remarks>
internal sealed class TelemetryExport : IDisposable
{
    /// <summary>Where Prometheus finds the metrics.</summary>
    public const string Path = "/metrics";

    private const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    private const string Protocol = "OTEL_EXPORTER_OTLP_PROTOCOL";

    // The port that collectors have for protobuf over HTTP; gRPC has another.
    private const int HttpPort = 4318;

    private static readonly string[] s_meters = ["OnnxStream.Interop", "OnnxStream.Interop.Server", "OnnxStream.Interop.Fleet", "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime"];

    private static readonly string[] s_activities = ["OnnxStream.Interop", "OnnxStream.Interop.Server", "OnnxStream.Interop.Fleet", "Microsoft.AspNetCore"];

    private readonly MeterProvider? _meters;
    private readonly TracerProvider? _tracers;

    private TelemetryExport(MeterProvider? meters, TracerProvider? tracers)
    {
        _meters = meters;
        _tracers = tracers;
    }

    /// <summary>Starts to collect; null where nobody wants anything.</summary>
    /// <param name="service">What the process is called among others, unless the environment says so.</param>
    /// <param name="isScraped">Whether there is an endpoint for Prometheus (<see cref="Map"/>).</param>
    /// <param name="collector">The address of a collector; null for what the environment says.</param>
    /// <exception cref="UsageException">The address is none.</exception>
    public static TelemetryExport? Start(string service, bool isScraped, string? collector)
    {
        IConfiguration settings = Settings(collector);
        bool isOff = Value(settings, "OTEL_SDK_DISABLED").Equals("true", StringComparison.OrdinalIgnoreCase);
        bool sendsMetrics = !isOff && Sends(settings, "METRICS");
        bool sendsTraces = !isOff && Sends(settings, "TRACES");
        if (!isScraped && !sendsMetrics && !sendsTraces)
        {
            return null;
        }

        // Otherwise ASP.NET's activities do not say what they are about.
        AppContext.SetSwitch("Microsoft.AspNetCore.Hosting.SuppressActivityOpenTelemetryData", false);
        ResourceBuilder resource = ResourceBuilder.CreateEmpty()
            .AddService(service, serviceVersion: typeof(TelemetryExport).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0])
            .AddTelemetrySdk()
            .AddEnvironmentVariableDetector();
        return new TelemetryExport(
            isScraped || sendsMetrics ? Metrics(settings, resource, isScraped, sendsMetrics) : null,
            sendsTraces ? Traces(settings, resource) : null);
    }

    /// <summary>Adds the endpoint for Prometheus.</summary>
    public void Map(IEndpointRouteBuilder routes) => routes.MapPrometheusScrapingEndpoint(Path, _meters, configureBranchedPipeline: null, optionsName: "");

    /// <summary>Sends what is left, for five seconds at most each.</summary>
    public void Dispose()
    {
        _tracers?.Dispose();
        _meters?.Dispose();
    }

    private static MeterProvider Metrics(IConfiguration settings, ResourceBuilder resource, bool isScraped, bool isSent)
    {
        MeterProviderBuilder meters = Sdk.CreateMeterProviderBuilder()
            .ConfigureServices(services => services.AddSingleton(settings))
            .SetResourceBuilder(resource)
            .AddMeter(s_meters);
        if (isScraped)
        {
            meters.AddPrometheusExporter();
        }

        if (isSent)
        {
            meters.AddOtlpExporter();
        }

        return meters.Build();
    }

    private static TracerProvider Traces(IConfiguration settings, ResourceBuilder resource) => Sdk.CreateTracerProviderBuilder()
        .ConfigureServices(services => services.AddSingleton(settings))
        .SetResourceBuilder(resource)
        .AddSource(s_activities)
        .AddProcessor(new WatchedRequests())
        .AddOtlpExporter()
        .Build();

    private static IConfigurationRoot Settings(string? collector)
    {
        ConfigurationBuilder settings = new();
        settings.AddEnvironmentVariables();
        if (collector is not null)
        {
            if (!Uri.TryCreate(collector, UriKind.Absolute, out Uri? uri) || uri.Scheme is not ("http" or "https"))
            {
                throw new UsageException($"--otlp-endpoint {collector} is no address of a collector; expected one as http://127.0.0.1:4317.");
            }

            Dictionary<string, string?> own = new() { [Endpoint] = collector };
            if (uri.Port == HttpPort && Environment.GetEnvironmentVariable(Protocol) is null)
            {
                own[Protocol] = "http/protobuf";
            }

            settings.AddInMemoryCollection(own);
        }

        return settings.Build();
    }

    private static string Value(IConfiguration settings, string name) => settings[name]?.Trim() ?? "";

    private static bool Sends(IConfiguration settings, string signal)
    {
        string exporters = Value(settings, $"OTEL_{signal}_EXPORTER");
        return exporters.Length > 0
            ? exporters.Split(',', StringSplitOptions.TrimEntries).Contains("otlp")
            : Value(settings, Endpoint).Length > 0 || Value(settings, $"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT").Length > 0;
    }

    /// <summary>Requests of those who only watch are no traces: there would be more of them than of all others.</summary>
    private sealed class WatchedRequests : BaseProcessor<Activity>
    {
        public override void OnEnd(Activity data)
        {
            if (data.GetTagItem("url.path") is string path && (path == Path || path.StartsWith("/health", StringComparison.Ordinal) || path == "/ready"))
            {
                data.ActivityTraceFlags &= ~ActivityTraceFlags.Recorded;
            }
        }
    }
}
