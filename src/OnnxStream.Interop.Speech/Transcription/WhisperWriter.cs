using System.IO.Compression;
using System.Numerics.Tensors;
using System.Text;

namespace OnnxStream.Interop.Speech;

/// <summary>Writes the text of 30 seconds: once, or again with higher temperatures while it is not good enough.</summary>
internal sealed class WhisperWriter(WhisperFolder folder, WhisperDecoder decoder, TranscriptionOptions options)
{
    private readonly WhisperRules _rules = new(folder, options.HasTimestamps);
    private readonly Random _random = new(options.Seed);
    private readonly float[] _scores = new float[folder.VocabularySize];

    /// <summary>Finds out which language is spoken.</summary>
    /// <param name="features">What is heard.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public string Detect(float[] features, CancellationToken cancellationToken)
    {
        using Lock.Scope scope = decoder.Gate.EnterScope();
        TensorBuffer heard = decoder.Encode(features, cancellationToken);
        ReadOnlySpan<float> scores = decoder.Read(heard, [folder.Tokens.Start], cancellationToken).Scores(0);
        string best = "";
        float score = float.NegativeInfinity;
        foreach ((string language, int id) in folder.Tokens.Languages)
        {
            if (best.Length == 0 || scores[id] > score)
            {
                (best, score) = (language, scores[id]);
            }
        }

        return best;
    }

    /// <summary>Writes.</summary>
    /// <param name="features">What is heard.</param>
    /// <param name="language">The language; null where the model knows one only.</param>
    /// <param name="before">The tokens of what was said before.</param>
    /// <param name="cancellationToken">Stops it between tokens.</param>
    public WhisperWindow Write(float[] features, string? language, IReadOnlyList<int> before, CancellationToken cancellationToken)
    {
        using Lock.Scope scope = decoder.Gate.EnterScope();
        TensorBuffer heard = decoder.Encode(features, cancellationToken);
        List<int> first = [];
        if (before.Count > 0)
        {
            first.Add(folder.Tokens.Previous);
            first.AddRange(before.TakeLast((folder.ContextLength / 2) - 1));
        }

        int start = first.Count;
        first.Add(folder.Tokens.Start);
        if (language is not null)
        {
            first.Add(folder.Tokens.Languages[language]);
            first.Add((options.Translates ? folder.Tokens.Translate : folder.Tokens.Transcribe)!.Value);
        }

        if (!options.HasTimestamps)
        {
            first.Add(folder.Tokens.NoTimestamps);
        }

        WhisperPrompt prompt = decoder.Read(heard, first, cancellationToken);
        float noSpeech = folder.Tokens.NoSpeech is { } id ? (float)Math.Exp(prompt.Scores(start)[id] - WhisperRules.LogSum(prompt.Scores(start))) : 0;
        WhisperWindow? window = null;
        foreach (float temperature in options.Temperatures)
        {
            window = Write(heard, prompt, noSpeech, temperature, cancellationToken);
            bool isUnlikely = window.AverageLogProbability < options.LeastLogProbability;
            bool isSilent = noSpeech > options.NoSpeechThreshold && isUnlikely;
            if (isSilent || !(isUnlikely || window.CompressionRatio > options.MostCompression))
            {
                break;
            }
        }

        return window!;
    }

    private WhisperWindow Write(TensorBuffer heard, WhisperPrompt prompt, float noSpeech, float temperature, CancellationToken cancellationToken)
    {
        using WhisperText text = decoder.Begin(heard, prompt);
        List<int> tokens = [];
        double sum = 0;
        prompt.Scores(prompt.Count - 1)[.._scores.Length].CopyTo(_scores);
        int most = folder.ContextLength / 2;
        for (int count = 0; count < most; count++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _rules.Apply(_scores, tokens);
            int token = Choose(temperature);
            sum += _scores[token] - WhisperRules.LogSum(_scores);
            if (token == folder.Tokens.End)
            {
                break;
            }

            tokens.Add(token);
            if (prompt.Count + tokens.Count > folder.ContextLength || count == most - 1)
            {
                break;
            }

            // Where the context is full, all is read once more: there is no room in the cache.
            int length = prompt.Count + tokens.Count;
            ReadOnlySpan<float> scores = length < folder.ContextLength
                ? text.Read(token, cancellationToken)
                : decoder.Read(heard, [.. prompt.Tokens, .. tokens], cancellationToken).Scores(length - 1);
            scores[.._scores.Length].CopyTo(_scores);
        }

        string written = folder.Tokenizer.Decode([.. tokens.Where(token => token < folder.Tokens.End)]).Trim();
        return new WhisperWindow(tokens, written, (float)(sum / (tokens.Count + 1)), noSpeech, Compression(written), temperature);
    }

    private int Choose(float temperature)
    {
        if (temperature == 0)
        {
            return TensorPrimitives.IndexOfMax(_scores);
        }

        double largest = TensorPrimitives.Max<float>(_scores);
        double left = _random.NextDouble() * _scores.Sum(score => Math.Exp((score - largest) / temperature));
        int last = 0;
        for (int id = 0; id < _scores.Length; id++)
        {
            double weight = Math.Exp((_scores[id] - largest) / temperature);
            if (weight > 0)
            {
                last = id;
                left -= weight;
                if (left < 0)
                {
                    break;
                }
            }
        }

        return last;
    }

    private static float Compression(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        using MemoryStream compressed = new();
        using (ZLibStream stream = new(compressed, CompressionLevel.Optimal, leaveOpen: true))
        {
            stream.Write(bytes);
        }

        return (float)bytes.Length / Math.Max(1, compressed.Length);
    }
}
