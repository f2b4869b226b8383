using System.Globalization;
using System.Text;

namespace OnnxStream.Interop.Language.Tokenizers.Models;

/// <summary>Byte-pair encoding as SentencePiece has it: of neighbours that are a token together, those with the best score are merged first, the leftmost of equals. https://github.com/google/sentencepiece</summary>
/// <remarks>What no token is in the end becomes its bytes, if the vocabulary has tokens for bytes.</remarks>
internal sealed class ScoredPairModel : TokenModel
{
    private readonly Dictionary<string, int> _vocabulary;
    private readonly IReadOnlyList<float> _scores;
    private readonly int?[] _bytes = new int?[256];
    private readonly int? _unknown;

    /// <summary>Makes the model.</summary>
    /// <param name="vocabulary">The tokens with their ids.</param>
    /// <param name="scores">The score of each id.</param>
    /// <param name="unknown">What stands for a character that is neither a token nor bytes; null for nothing.</param>
    public ScoredPairModel(Dictionary<string, int> vocabulary, IReadOnlyList<float> scores, int? unknown)
    {
        _vocabulary = vocabulary;
        _scores = scores;
        _unknown = unknown;
        for (int i = 0; i < 256; i++)
        {
            _bytes[i] = vocabulary.TryGetValue($"<0x{i.ToString("X2", CultureInfo.InvariantCulture)}>", out int id) ? id : null;
        }
    }

    /// <inheritdoc/>
    public override void Encode(string piece, List<int> ids)
    {
        // Symbols are parts of the text, linked, so that a merge takes no move. A length of 0 says that a symbol is gone.
        List<int> starts = [];
        for (int i = 0; i < piece.Length; i += char.IsHighSurrogate(piece[i]) && i + 1 < piece.Length ? 2 : 1)
        {
            starts.Add(i);
        }

        int count = starts.Count;
        int[] lengths = new int[count];
        int[] previous = new int[count];
        int[] next = new int[count];
        for (int i = 0; i < count; i++)
        {
            lengths[i] = (i + 1 < count ? starts[i + 1] : piece.Length) - starts[i];
            previous[i] = i - 1;
            next[i] = i + 1;
        }

        Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> tokens = _vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        PriorityQueue<(int Left, int Right, int Length), (float Loss, int Place)> queue = new();
        for (int i = 1; i < count; i++)
        {
            Offer(i - 1, i);
        }

        while (queue.TryDequeue(out (int Left, int Right, int Length) pair, out _))
        {
            // One of the two may have become part of another since.
            if (lengths[pair.Left] == 0 || lengths[pair.Right] == 0 || lengths[pair.Left] + lengths[pair.Right] != pair.Length)
            {
                continue;
            }

            lengths[pair.Left] = pair.Length;
            lengths[pair.Right] = 0;
            next[pair.Left] = next[pair.Right];
            if (next[pair.Left] < count)
            {
                previous[next[pair.Left]] = pair.Left;
                Offer(pair.Left, next[pair.Left]);
            }

            if (previous[pair.Left] >= 0)
            {
                Offer(previous[pair.Left], pair.Left);
            }
        }

        for (int i = 0; i < count; i = next[i])
        {
            ReadOnlySpan<char> text = piece.AsSpan(starts[i], lengths[i]);
            if (tokens.TryGetValue(text, out int id))
            {
                ids.Add(id);
            }
            else
            {
                AddBytes(text, ids);
            }
        }

        void Offer(int left, int right)
        {
            int length = lengths[left] + lengths[right];
            if (tokens.TryGetValue(piece.AsSpan(starts[left], length), out int id))
            {
                queue.Enqueue((left, right, length), (id < _scores.Count ? -_scores[id] : 0, left));
            }
        }
    }

    private void AddBytes(ReadOnlySpan<char> text, List<int> ids)
    {
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(text)];
        Encoding.UTF8.GetBytes(text, bytes);
        if (Array.TrueForAll(bytes, value => _bytes[value] is not null))
        {
            ids.AddRange(bytes.Select(value => _bytes[value]!.Value));
        }
        else if (_unknown is { } unknown)
        {
            ids.Add(unknown);
        }
    }
}
