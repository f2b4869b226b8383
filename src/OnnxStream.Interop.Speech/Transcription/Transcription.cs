using System.Collections;

namespace OnnxStream.Interop.Speech;

/// <summary>A text that is written while it is read, piece by piece. It can be read once.</summary>
public sealed class Transcription : IEnumerable<TranscriptSegment>
{
    private const double SecondsOfTime = 0.02;
    private const int FramesOfTime = 2;

    // Above it, what was said before misleads rather than helps.
    private const float MostTemperatureToGoOn = 0.5f;

    private readonly WhisperFolder _folder;
    private readonly WhisperDecoder _decoder;
    private readonly Sound _sound;
    private readonly TranscriptionOptions _options;
    private readonly IProgress<double>? _progress;
    private readonly CancellationToken _cancellationToken;
    private bool _isStarted;

    internal Transcription(WhisperFolder folder, WhisperDecoder decoder, Sound sound, TranscriptionOptions options, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        _folder = folder;
        _decoder = decoder;
        _sound = sound;
        _options = options;
        _progress = progress;
        _cancellationToken = cancellationToken;
        Language = _folder.IsMultilingual ? options.Language : "en";
    }

    /// <summary>The language that is spoken; null where it is not known before the first piece.</summary>
    public string? Language { get; private set; }

    /// <summary>How long the sound is.</summary>
    public TimeSpan Duration => _sound.Duration;

    /// <summary>How many tokens have been written so far.</summary>
    public int TokenCount { get; private set; }

    /// <summary>The whole text. It is read to its end for that.</summary>
    public string ReadToEnd() => string.Concat(this.Select(segment => segment.Text)).Trim();

    /// <summary>Starts to write.</summary>
    /// <exception cref="InvalidOperationException">It has been started before.</exception>
    public IEnumerator<TranscriptSegment> GetEnumerator()
    {
        if (_isStarted)
        {
            throw new InvalidOperationException("A transcription can be read once: what has been read is not kept.");
        }

        _isStarted = true;
        return Write().GetEnumerator();
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromMilliseconds(Math.Round(seconds * 1000));

    private IEnumerable<TranscriptSegment> Write()
    {
        LogMelSpectrogram spectrogram = new(_sound.Resample(LogMelSpectrogram.SampleRate), _folder.BandCount, _cancellationToken);
        WhisperWriter writer = new(_folder, _decoder, _options);
        if (Language is null && spectrogram.FrameCount > 0)
        {
            Language = writer.Detect(spectrogram.Read(0), _cancellationToken);
        }

        List<int> before = _options.Prompt is { Length: > 0 } prompt ? [.. _folder.Tokenizer.Encode($" {prompt.Trim()}", addSpecialTokens: false)] : [];
        foreach ((int start, int end) in Parts(spectrogram.FrameCount))
        {
            for (int place = start; place < end;)
            {
                int count = Math.Min(LogMelSpectrogram.WindowFrames, end - place);
                WhisperWindow window = writer.Write(spectrogram.Read(place, count), _folder.IsMultilingual ? Language : null, before, _cancellationToken);
                bool isSilent = window.NoSpeechProbability > _options.NoSpeechThreshold && !(window.AverageLogProbability > _options.LeastLogProbability);
                if (isSilent)
                {
                    place += count;
                    _progress?.Report((double)Math.Min(place, end) / spectrogram.FrameCount);
                    continue;
                }

                (TranscriptSegment[] segments, int advance) = Divide(window, place, count);
                place += advance;
                foreach (TranscriptSegment segment in segments)
                {
                    before.AddRange(segment.Tokens);
                }

                TokenCount += window.Tokens.Count;
                // The list need not grow with the sound: the model is told the end of it only.
                bool isForgotten = !_options.UsesPreviousText || window.Temperature > MostTemperatureToGoOn;
                before.RemoveRange(0, isForgotten ? before.Count : Math.Max(0, before.Count - _folder.ContextLength));
                _progress?.Report((double)Math.Min(place, end) / spectrogram.FrameCount);
                foreach (TranscriptSegment segment in segments.Where(segment => segment.Text.Trim().Length > 0))
                {
                    yield return segment;
                }
            }
        }
    }

    // The frames that are listened to.
    private IEnumerable<(int Start, int End)> Parts(int frameCount)
    {
        if (_options.Parts is null)
        {
            return [(0, frameCount)];
        }

        const int Rate = LogMelSpectrogram.SampleRate / LogMelSpectrogram.Hop;
        return _options.Parts.Select(part => ((int)Math.Round(part.Start.TotalSeconds * Rate), Math.Min(frameCount, (int)Math.Round(part.End.TotalSeconds * Rate)))).Where(part => part.Item1 < part.Item2);
    }

    // Pieces end where two times follow each other; what is behind the last such place is heard again with the next window.
    private (TranscriptSegment[] Segments, int Advance) Divide(WhisperWindow window, int place, int count)
    {
        IReadOnlyList<int> tokens = window.Tokens;
        int first = _folder.Tokens.FirstTime;
        double offset = place * (double)LogMelSpectrogram.Hop / LogMelSpectrogram.SampleRate;
        bool[] isTime = [.. tokens.Select(token => token >= first)];
        bool endsWithOneTime = isTime is [.., false, true];
        List<int> ends = [.. Enumerable.Range(1, Math.Max(0, tokens.Count - 1)).Where(i => isTime[i - 1] && isTime[i])];
        List<TranscriptSegment> segments = [];
        if (ends.Count > 0)
        {
            if (endsWithOneTime)
            {
                ends.Add(tokens.Count);
            }

            int last = 0;
            foreach (int end in ends)
            {
                int[] piece = [.. tokens.Skip(last).Take(end - last)];
                segments.Add(Segment(offset + ((piece[0] - first) * SecondsOfTime), offset + ((piece[^1] - first) * SecondsOfTime), piece, window));
                last = end;
            }

            return ([.. segments], endsWithOneTime ? count : Math.Max(1, (tokens[last - 1] - first) * FramesOfTime));
        }

        double duration = count * (double)LogMelSpectrogram.Hop / LogMelSpectrogram.SampleRate;
        int lastTime = tokens.LastOrDefault(token => token >= first);
        if (lastTime > first)
        {
            duration = (lastTime - first) * SecondsOfTime;
        }

        return ([Segment(offset, offset + duration, [.. tokens], window)], count);
    }

    private TranscriptSegment Segment(double start, double end, int[] tokens, WhisperWindow window)
    {
        string text = _folder.Tokenizer.Decode([.. tokens.Where(token => token < _folder.Tokens.End)]);

        // Pieces without length or text are none, for what follows, too.
        bool isNothing = start == end || text.Trim().Length == 0;
        return new TranscriptSegment(Seconds(start), Seconds(end), isNothing ? "" : text)
        {
            Tokens = isNothing ? [] : tokens,
            AverageLogProbability = window.AverageLogProbability,
            NoSpeechProbability = window.NoSpeechProbability,
            CompressionRatio = window.CompressionRatio,
            Temperature = window.Temperature,
        };
    }
}
