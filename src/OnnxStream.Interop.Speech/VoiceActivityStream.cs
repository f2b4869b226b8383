namespace OnnxStream.Interop.Speech;

/// <summary>Hears a stream of samples, such as that of a microphone. Memory does not grow with its length.</summary>
/// <remarks>For one thread at a time.</remarks>
public sealed class VoiceActivityStream : IDisposable
{
    // Silero's frames: 32 ms, and 4 ms of the frame before.
    private const int FramesPerSecond = 125, FrameParts = 4;
    private const int ContextPart = 250;

    private readonly VoiceActivityDetector _detector;
    private readonly SessionState _state;
    private readonly SpeechSegmenter _segmenter;
    private readonly SoundResampler _resampler;
    private readonly TensorBuffer _frame;
    private readonly int _rate;
    private readonly int _context;
    private int _filled;
    private long _length;

    internal VoiceActivityStream(VoiceActivityDetector detector, VoiceActivityOptions options, int sourceRate, int rate)
    {
        _detector = detector;
        _rate = rate;
        _context = rate / ContextPart;
        FrameLength = rate * FrameParts / FramesPerSecond;
        _segmenter = new SpeechSegmenter(options, rate, FrameLength);
        _resampler = new SoundResampler(sourceRate, rate);
        _frame = new TensorBuffer(ElementType.Float32, new Shape(1, _context + FrameLength));
        _state = detector.CreateState();
    }

    /// <summary>How sure the last frame is speech, 0 to 1; 0 before the first.</summary>
    public float Probability { get; private set; }

    /// <summary>Whether somebody speaks, so far as is known.</summary>
    public bool IsSpeech => _segmenter.IsSpeech;

    /// <summary>How much has been heard in whole frames.</summary>
    public TimeSpan Position => At(_length - _filled);

    /// <summary>The samples of a frame, at the model's rate.</summary>
    internal int FrameLength { get; }

    /// <summary>Receives the probability of each frame; for tests.</summary>
    internal Action<float>? FrameHeard { get; init; }

    /// <summary>Hears samples.</summary>
    /// <param name="samples">Any number of them, -1 to 1.</param>
    /// <param name="cancellationToken">Cancels between frames. Frames that were heard stay heard; the rest of the samples is lost.</param>
    /// <returns>The segments that have ended, and whose padding is known.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IReadOnlyList<SpeechSegment> Push(ReadOnlySpan<float> samples, CancellationToken cancellationToken = default)
    {
        Hear(_resampler.Push(samples), cancellationToken);
        return Take();
    }

    /// <summary>Ends the stream: the last frame is filled up with silence.</summary>
    /// <param name="cancellationToken">Cancels between frames.</param>
    /// <returns>The last segments.</returns>
    public IReadOnlyList<SpeechSegment> Complete(CancellationToken cancellationToken = default)
    {
        Hear(_resampler.End(), cancellationToken);
        long length = _length;
        if (_filled > 0)
        {
            Hear(new float[FrameLength - _filled], cancellationToken);
        }

        _segmenter.Complete(length);
        return Take();
    }

    /// <summary>Frees the state.</summary>
    public void Dispose() => _state.Dispose();

    private void Hear(ReadOnlySpan<float> samples, CancellationToken cancellationToken)
    {
        Span<float> frame = _frame.Span<float>();
        while (samples.Length > 0)
        {
            int count = Math.Min(samples.Length, FrameLength - _filled);
            samples[..count].CopyTo(frame[(_context + _filled)..]);
            samples = samples[count..];
            _filled += count;
            _length += count;
            if (_filled == FrameLength)
            {
                Probability = _detector.Run(_frame, _rate, _state, cancellationToken);
                FrameHeard?.Invoke(Probability);
                _segmenter.Push(Probability);
                frame[FrameLength..].CopyTo(frame);
                _filled = 0;
            }
        }
    }

    private List<SpeechSegment> Take()
    {
        List<SpeechSegment> segments = [];
        while (_segmenter.TryTake(out (long Start, long End) segment))
        {
            segments.Add(new SpeechSegment(At(segment.Start), At(segment.End)));
        }

        return segments;
    }

    private TimeSpan At(long sample) => TimeSpan.FromTicks(sample * TimeSpan.TicksPerSecond / _rate);
}
