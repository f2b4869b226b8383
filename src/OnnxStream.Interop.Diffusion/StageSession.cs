using System.Diagnostics;

namespace OnnxStream.Interop.Diffusion;

/// <summary>The session of one stage, and what its runs add up to.</summary>
internal sealed class StageSession : IDisposable
{
    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly Model _model;
    private InferenceSession? _session;
    private TimeSpan _loadDuration;
    private TimeSpan _runDuration;
    private int _runCount;
    private long _weightsBytesStreamed;
    private long _peakNativeBytes;

    /// <summary>Reads a model, but prepares nothing yet: whether it is what the stage needs is asked first.</summary>
    public StageSession(string path)
    {
        Path = path;
        _model = Model.Load(path);
    }

    /// <summary>The model's file.</summary>
    public string Path { get; }

    public IReadOnlyList<ValueMetadata> Inputs => _model.Inputs;

    public IReadOnlyList<ValueMetadata> Outputs => _model.Outputs;

    /// <summary>Makes the session, which takes time and memory.</summary>
    public void Prepare(SessionOptions? options)
    {
        _session = new InferenceSession(_model, options);
        _loadDuration = Stopwatch.GetElapsedTime(_started);
    }

    public RunResult Run(IReadOnlyDictionary<string, TensorBuffer> inputs, CancellationToken cancellationToken)
    {
        RunResult result = _session!.Run(inputs, options: null, cancellationToken);
        _runCount++;
        _runDuration += result.Statistics.Duration;
        _weightsBytesStreamed += result.Statistics.WeightsBytesStreamed;
        _peakNativeBytes = Math.Max(_peakNativeBytes, result.Statistics.PeakNativeBytes);
        return result;
    }

    public StageStatistics Statistics(PipelineStage stage) =>
        new(stage, Stopwatch.GetElapsedTime(_started), _loadDuration, _runDuration, _runCount, _weightsBytesStreamed, _peakNativeBytes);

    public void Dispose() => _session?.Dispose();
}
