using System.Diagnostics;

namespace OnnxStream.Interop.Diffusion;

/// <summary>The session of one stage, and what its runs add up to.</summary>
internal sealed class StageSession : IDisposable
{
    private readonly InferenceSession _session;
    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly TimeSpan _loadDuration;
    private TimeSpan _runDuration;
    private int _runCount;
    private long _weightsBytesStreamed;
    private long _peakNativeBytes;

    public StageSession(string path, SessionOptions? options)
    {
        Path = path;
        _session = new InferenceSession(path, options);
        _loadDuration = Stopwatch.GetElapsedTime(_started);
    }

    /// <summary>The model's file.</summary>
    public string Path { get; }

    public IReadOnlyList<ValueMetadata> Inputs => _session.Inputs;

    public IReadOnlyList<ValueMetadata> Outputs => _session.Outputs;

    public RunResult Run(IReadOnlyDictionary<string, TensorBuffer> inputs, CancellationToken cancellationToken)
    {
        RunResult result = _session.Run(inputs, options: null, cancellationToken);
        _runCount++;
        _runDuration += result.Statistics.Duration;
        _weightsBytesStreamed += result.Statistics.WeightsBytesStreamed;
        _peakNativeBytes = Math.Max(_peakNativeBytes, result.Statistics.PeakNativeBytes);
        return result;
    }

    public StageStatistics Statistics(PipelineStage stage) =>
        new(stage, Stopwatch.GetElapsedTime(_started), _loadDuration, _runDuration, _runCount, _weightsBytesStreamed, _peakNativeBytes);

    public void Dispose() => _session.Dispose();
}
