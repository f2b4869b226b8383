namespace OnnxStream.Interop.Speech;

/// <summary>Makes segments of the probabilities of frames, one frame after the other.</summary>
/// <remarks>
/// The rules of Silero's <c>get_speech_timestamps</c> (<c>src/silero_vad/utils_vad.py</c>), its way with speech that is too long included. What it does in a second pass,
/// the padding, needs the next segment's begin where that is near; so a segment is given when its silence is twice as long as the padding, or another begins.
/// </remarks>
/// <param name="options">What counts as speech.</param>
/// <param name="rate">Samples in a second.</param>
/// <param name="frame">Samples in a frame.</param>
internal sealed class SpeechSegmenter(VoiceActivityOptions options, int rate, int frame)
{
    private readonly double _endThreshold = options.EndThreshold ?? Math.Max(options.Threshold - 0.15, 0.01);
    private readonly double _leastSpeech = Samples(options.LeastSpeech, rate);
    private readonly double _leastSilence = Samples(options.LeastSilence, rate);
    private readonly double _leastCut = Samples(options.LeastSilenceToCut, rate);
    private readonly double _padding = Samples(options.Padding, rate);
    private readonly double _mostSpeech = options.MostSpeech == Timeout.InfiniteTimeSpan
        ? double.PositiveInfinity
        : Samples(options.MostSpeech, rate) - frame - (2 * Samples(options.Padding, rate));

    private readonly List<(long End, long Length)> _silences = [];
    private readonly Queue<(long Start, long End)> _ready = new();
    private (long Start, long End)? _pending;
    private long _at;
    private long? _start;
    private long? _silence;

    /// <summary>Whether there is speech now, so far as is known.</summary>
    public bool IsSpeech => _start is not null;

    /// <summary>Takes the next frame.</summary>
    /// <param name="probability">How sure it is speech, 0 to 1.</param>
    public void Push(double probability)
    {
        long now = _at;
        _at += frame;
        if (probability >= options.Threshold && _silence is { } silence)
        {
            if (now - silence > _leastCut)
            {
                _silences.Add((silence, now - silence));
            }

            _silence = null;
        }

        if (probability >= options.Threshold && _start is null)
        {
            _start = now;
            return;
        }

        if (_start is { } start && now - start > _mostSpeech && !Cut(start, now))
        {
            return;
        }

        if (probability < _endThreshold && _start is { } begun)
        {
            _silence ??= now;
            if (now - _silence.Value >= _leastSilence)
            {
                if (_silence.Value - begun > _leastSpeech)
                {
                    Add(begun, _silence.Value);
                }

                End();
            }
        }

        // No later segment can begin before this frame's end, and the sound cannot end before its begin.
        if (_pending is { } pending && _start is null && _at - pending.End >= 2 * _padding && now >= pending.End + _padding)
        {
            Release(pending, Truncate(pending.End + _padding));
        }
    }

    /// <summary>Takes the end of the sound.</summary>
    /// <param name="length">Its samples; the last frame may have been filled up.</param>
    public void Complete(long length)
    {
        if (_start is { } start && length - start > _leastSpeech)
        {
            Add(start, length);
        }

        End();
        if (_pending is { } pending)
        {
            Release(pending, Truncate(Math.Min(length, pending.End + _padding)));
        }
    }

    /// <summary>The next segment that is finished, in samples.</summary>
    public bool TryTake(out (long Start, long End) segment) => _ready.TryDequeue(out segment);

    // Speech is too long. If it had a silence, it ends there and goes on behind it, and true is returned; if not, it ends with this frame.
    private bool Cut(long start, long now)
    {
        if (_silences.Count == 0)
        {
            Add(start, now);
            End();
            return false;
        }

        (long end, long length) = options.CutsAtLongestSilence ? _silences.MaxBy(silence => silence.Length) : _silences[^1];
        Add(start, end);
        long next = end + length;

        // As in the reference, whose comparison holds for every frame but the first.
        _start = next < end + now ? next : null;
        _ = _silences.RemoveAll(silence => silence.End <= next);
        _silence = null;
        return true;
    }

    private void End()
    {
        _start = null;
        _silence = null;
        _silences.Clear();
    }

    // Padding is shared where two segments are nearer than two of it.
    private void Add(long start, long end)
    {
        if (_pending is { } before)
        {
            long gap = start - before.End;
            if (gap < 2 * _padding)
            {
                Release(before, before.End + Half(gap));
                start = Math.Max(0, start - Half(gap));
            }
            else
            {
                Release(before, Truncate(before.End + _padding));
                start = Truncate(Math.Max(0, start - _padding));
            }
        }
        else
        {
            start = Truncate(Math.Max(0, start - _padding));
        }

        _pending = (start, end);

        // Python's //, which rounds down.
        static long Half(long gap) => (long)Math.Floor(gap / 2.0);
    }

    private void Release((long Start, long End) segment, long end)
    {
        _ready.Enqueue((segment.Start, end));
        _pending = null;
    }

    private static long Truncate(double value) => (long)value;

    private static double Samples(TimeSpan duration, int rate) => duration.TotalMilliseconds * rate / 1000;
}
