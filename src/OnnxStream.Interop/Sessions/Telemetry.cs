using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace OnnxStream.Interop.Sessions;

/// <summary>What the library reports to .NET's own observers: an activity for each run, its duration and the bytes that it streamed.</summary>
/// <remarks>Nothing here is asked for its value later: .NET keeps every meter, and a library that it could call would never be unloaded.</remarks>
internal static class Telemetry
{
    private const string Name = "OnnxStream.Interop";

    private static readonly Meter s_meter = new(Name);

    // Runs of small language models take milliseconds, those of large pictures on small boards minutes.
    private static readonly InstrumentAdvice<double> s_durations = new() { HistogramBucketBoundaries = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000] };

    /// <summary>The source of activities; an activity <c>run</c> covers one run of a session.</summary>
    public static ActivitySource Activities { get; } = new(Name);

    /// <summary>How long runs take.</summary>
    public static Histogram<double> RunDuration { get; } = s_meter.CreateHistogram<double>("onnxstream.run.duration", "s", "Duration of a run, planning not included", [], s_durations);

    /// <summary>How many bytes of weights steps have asked for.</summary>
    public static Counter<long> WeightsStreamed { get; } = s_meter.CreateCounter<long>("onnxstream.weights.streamed", "By", "Bytes of weights that steps have asked for");
}
