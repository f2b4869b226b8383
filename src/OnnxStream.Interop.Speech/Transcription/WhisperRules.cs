using System.Numerics.Tensors;

namespace OnnxStream.Interop.Speech;

/// <summary>Which tokens may come next, by the rules of Whisper's reference program: times come in pairs, and never go back. https://github.com/openai/whisper (whisper/decoding.py)</summary>
internal sealed class WhisperRules
{
    private readonly WhisperFolder _folder;
    private readonly bool _hasTimes;
    private readonly int[] _never;

    /// <summary>Prepares.</summary>
    /// <param name="folder">The model.</param>
    /// <param name="hasTimes">Whether times are written.</param>
    public WhisperRules(WhisperFolder folder, bool hasTimes)
    {
        _folder = folder;
        _hasTimes = hasTimes;
        WhisperTokens tokens = folder.Tokens;
        _never = [.. folder.SuppressedTokens, tokens.Start, tokens.Previous, .. ((int?[])[tokens.Translate, tokens.Transcribe, tokens.NoSpeech, tokens.LanguageModel]).OfType<int>().Where(id => id < folder.VocabularySize)];
    }

    /// <summary>Forbids tokens.</summary>
    /// <param name="scores">A score for each token; those that are forbidden become negative infinity.</param>
    /// <param name="text">The tokens so far.</param>
    public void Apply(Span<float> scores, IReadOnlyList<int> text)
    {
        WhisperTokens tokens = _folder.Tokens;
        if (text.Count == 0)
        {
            Forbid(scores, _folder.FirstSuppressedTokens);
        }

        Forbid(scores, _never);
        if (!_hasTimes)
        {
            return;
        }

        int first = tokens.FirstTime;
        scores[tokens.NoTimestamps] = float.NegativeInfinity;
        bool isBehindTime = text.Count >= 1 && text[^1] >= first;
        bool isTimeBefore = text.Count < 2 || text[^2] >= first;
        if (isBehindTime)
        {
            // A time that ends is followed by one that begins, or the end; one that begins by text.
            (isTimeBefore ? scores[first..] : scores[..tokens.End]).Fill(float.NegativeInfinity);
        }

        if (text.Any(token => token >= first))
        {
            // Times do not go back, and no piece is without length.
            int last = text.Last(token => token >= first);
            scores[first..(isBehindTime && !isTimeBefore ? last : last + 1)].Fill(float.NegativeInfinity);
        }

        if (text.Count == 0)
        {
            scores[..first].Fill(float.NegativeInfinity);
            scores[Math.Min(scores.Length, first + _folder.FirstTimes + 1)..].Fill(float.NegativeInfinity);
        }

        // Where times are likelier together than any other token, it is one.
        double sum = LogSum(scores[first..]);
        if (sum > TensorPrimitives.Max<float>(scores[..first]))
        {
            scores[..first].Fill(float.NegativeInfinity);
        }
    }

    /// <summary>The logarithm of the sum of the exponentials.</summary>
    public static double LogSum(ReadOnlySpan<float> scores)
    {
        float largest = TensorPrimitives.Max(scores);
        if (float.IsNegativeInfinity(largest))
        {
            return double.NegativeInfinity;
        }

        double sum = 0;
        foreach (float score in scores)
        {
            sum += Math.Exp((double)score - largest);
        }

        return largest + Math.Log(sum);
    }

    private static void Forbid(Span<float> scores, IEnumerable<int> ids)
    {
        foreach (int id in ids)
        {
            scores[id] = float.NegativeInfinity;
        }
    }
}
