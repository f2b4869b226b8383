using System.Globalization;
using System.Text;
using System.Text.Json;

namespace OnnxStream.Interop.Language.Tokenizers.Models;

/// <summary>SentencePiece's unigram model: the division of a text whose tokens have the largest sum of scores. https://arxiv.org/abs/1804.10959</summary>
/// <remarks>Microsoft.ML.Tokenizers reads it from SentencePiece's own files only, not from a vocabulary.</remarks>
internal sealed class UnigramModel : TokenModel
{
    // What an unknown character costs more than the unlikeliest token (kUnkPenalty).
    private const double UnknownPenalty = 10;

    private readonly Dictionary<string, int> _vocabulary;
    private readonly double[] _scores;
    private readonly int? _unknown;
    private readonly double _unknownScore;
    private readonly int _longest;
    private readonly bool _hasByteFallback;

    private UnigramModel(JsonSection section, Dictionary<string, int> vocabulary, double[] scores)
    {
        _vocabulary = vocabulary;
        _scores = scores;
        _unknown = section.Find("unk_id") is null ? null : section.Number("unk_id", 0);
        if (_unknown < 0 || _unknown >= scores.Length)
        {
            throw section.Error($"\"unk_id\" is {_unknown}, the vocabulary has {scores.Length} tokens");
        }

        _unknownScore = (scores.Length > 0 ? scores.Min() : 0) - UnknownPenalty;
        _longest = vocabulary.Keys.Select(token => token.Length).DefaultIfEmpty().Max();
        _hasByteFallback = section.Flag("byte_fallback", false);
    }

    /// <summary>Reads the model.</summary>
    public static UnigramModel Create(JsonSection section, Dictionary<string, int> vocabulary)
    {
        List<double> scores = [];
        foreach (JsonElement entry in section.Elements("vocab"))
        {
            if (entry.ValueKind != JsonValueKind.Array || entry.GetArrayLength() != 2 || entry[0].ValueKind != JsonValueKind.String || entry[1].ValueKind != JsonValueKind.Number)
            {
                throw section.Error("an entry of \"vocab\" should be a list of a token and its score");
            }

            vocabulary.TryAdd(entry[0].GetString()!, scores.Count);
            scores.Add(entry[1].GetDouble());
        }

        return new UnigramModel(section, vocabulary, [.. scores]);
    }

    /// <inheritdoc/>
    public override void Encode(string piece, List<int> ids)
    {
        // The best way to each place: where its last token begins, and which it is; -1 for an unknown character.
        double[] best = new double[piece.Length + 1];
        int[] starts = new int[piece.Length + 1];
        int[] tokens = new int[piece.Length + 1];
        Array.Fill(starts, -1);
        Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> lookup = _vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        int step;
        for (int start = 0; start < piece.Length; start += step)
        {
            step = char.IsHighSurrogate(piece[start]) && start + 1 < piece.Length && char.IsLowSurrogate(piece[start + 1]) ? 2 : 1;
            bool hasCharacter = false;
            for (int length = 1; length <= Math.Min(_longest, piece.Length - start); length++)
            {
                if (lookup.TryGetValue(piece.AsSpan(start, length), out int id))
                {
                    Offer(start, start + length, best[start] + _scores[id], id);
                    hasCharacter |= length == step;
                }
            }

            if (!hasCharacter)
            {
                Offer(start, start + step, best[start] + _unknownScore, -1);
            }
        }

        List<Range> parts = [];
        for (int end = piece.Length; end > 0; end = starts[end])
        {
            int start = starts[end];

            // Unknown characters that are neighbours are one.
            if (tokens[end] < 0 && parts.Count > 0 && tokens[parts[^1].End.Value] < 0 && parts[^1].Start.Value == end)
            {
                parts[^1] = start..parts[^1].End;
            }
            else
            {
                parts.Add(start..end);
            }
        }

        parts.Reverse();
        foreach (Range part in parts)
        {
            if (tokens[part.End.Value] >= 0)
            {
                ids.Add(tokens[part.End.Value]);
            }
            else if (!_hasByteFallback || !AddBytes(piece[part], ids))
            {
                ids.Add(_unknown ?? throw new InvalidOperationException($"The vocabulary has no token for '{piece[part]}', and none for unknown text."));
            }
        }

        void Offer(int start, int end, double score, int token)
        {
            if (starts[end] < 0 || score > best[end])
            {
                (starts[end], best[end], tokens[end]) = (start, score, token);
            }
        }
    }

    private bool AddBytes(string text, List<int> ids)
    {
        List<int> found = [];
        foreach (byte value in Encoding.UTF8.GetBytes(text))
        {
            if (!_vocabulary.TryGetValue($"<0x{value.ToString("X2", CultureInfo.InvariantCulture)}>", out int id))
            {
                return false;
            }

            found.Add(id);
        }

        ids.AddRange(found);
        return true;
    }
}
