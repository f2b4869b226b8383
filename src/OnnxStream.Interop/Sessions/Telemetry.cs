using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace OnnxStream.Interop.Sessions;

/// <summary>What the library reports to .NET's own observers: an activity for each run, its duration and the bytes that it streamed.</summary>
internal static class Telemetry
{
    private const string Name = "OnnxStream.Interop";

    private static readonly Meter s_meter = new(Name);

    /// <summary>The source of activities; an activity <c>run</c> covers one run of a session.</summary>
    public static ActivitySource Activities { get; } = new(Name);

    /// <summary>How long runs take.</summary>
    public static Histogram<double> RunDuration { get; } = s_meter.CreateHistogram<double>("onnxstream.run.duration", "s", "Duration of a run, planning not included");

    /// <summary>How many bytes of weights steps have asked for.</summary>
    public static Counter<long> WeightsStreamed { get; } = s_meter.CreateCounter<long>("onnxstream.weights.streamed", "By", "Bytes of weights that steps have asked for");
}
