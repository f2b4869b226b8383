using System.Globalization;
using System.Text;
using System.Text.Json;

namespace OnnxStream.Interop.Language.Tokenizers.Models;

/// <summary>Byte-pair encoding: of neighbours, those that were merged most in training are merged first. https://arxiv.org/abs/1508.07909</summary>
/// <remarks>
/// Microsoft.ML.Tokenizers has it as well, but neither <c>byte_fallback</c> (Llama 2, Mistral, Gemma) nor <c>ignore_merges</c> (Llama 3), and its time
/// grows with the square of a piece, which in these models may be a whole text.
/// </remarks>
internal sealed class BytePairModel : TokenModel
{
    private readonly Dictionary<string, int> _vocabulary;
    private readonly Dictionary<long, (int Rank, int Id)> _merges = [];
    private readonly int?[] _bytes = new int?[256];
    private readonly string _prefix;
    private readonly string _suffix;
    private readonly int? _unknown;
    private readonly bool _fusesUnknown;
    private readonly bool _ignoresMerges;
    private readonly bool _hasByteFallback;

    private BytePairModel(JsonSection section, Dictionary<string, int> vocabulary)
    {
        _vocabulary = vocabulary;
        _prefix = section.Text("continuing_subword_prefix") ?? "";
        _suffix = section.Text("end_of_word_suffix") ?? "";
        _unknown = section.Text("unk_token") is { } unknown ? vocabulary.TryGetValue(unknown, out int id) ? id : throw section.Error($"the vocabulary lacks \"unk_token\", '{unknown}'") : null;
        _fusesUnknown = section.Flag("fuse_unk", false);
        _ignoresMerges = section.Flag("ignore_merges", false);
        _hasByteFallback = section.Flag("byte_fallback", false);
        for (int i = 0; i < 256; i++)
        {
            _bytes[i] = vocabulary.TryGetValue($"<0x{i.ToString("X2", CultureInfo.InvariantCulture)}>", out int value) ? value : null;
        }

        int rank = 0;
        foreach (JsonElement merge in section.Elements("merges"))
        {
            (string left, string right) = Pair(section, merge);
            string merged = left + right[(_prefix.Length > 0 && right.StartsWith(_prefix, StringComparison.Ordinal) ? _prefix.Length : 0)..];
            if (!vocabulary.TryGetValue(left, out int leftId) || !vocabulary.TryGetValue(right, out int rightId) || !vocabulary.TryGetValue(merged, out int mergedId))
            {
                throw section.Error($"the merge of '{left}' and '{right}' is not in the vocabulary");
            }

            _merges[Key(leftId, rightId)] = (rank++, mergedId);
        }
    }

    private BytePairModel(Dictionary<string, int> vocabulary, IEnumerable<(string Left, string Right)> merges, bool ignoresMerges)
    {
        _vocabulary = vocabulary;
        _prefix = _suffix = "";
        _ignoresMerges = ignoresMerges;
        int rank = 0;
        foreach ((string left, string right) in merges)
        {
            // A merge to which the vocabulary has no token never happens.
            if (vocabulary.TryGetValue(left, out int leftId) && vocabulary.TryGetValue(right, out int rightId) && vocabulary.TryGetValue(left + right, out int mergedId))
            {
                _merges.TryAdd(Key(leftId, rightId), (rank, mergedId));
            }

            rank++;
        }
    }

    /// <summary>A model whose characters stand for bytes.</summary>
    /// <param name="vocabulary">The tokens with their ids.</param>
    /// <param name="merges">The pairs, the first to be merged first.</param>
    /// <param name="ignoresMerges">Whether a piece that is a token becomes that token whatever the merges say.</param>
    public static BytePairModel Create(Dictionary<string, int> vocabulary, IEnumerable<(string Left, string Right)> merges, bool ignoresMerges) => new(vocabulary, merges, ignoresMerges);

    /// <summary>Reads the model.</summary>
    public static BytePairModel Create(JsonSection section, Dictionary<string, int> vocabulary)
    {
        ReadVocabulary(section, vocabulary);
        return new BytePairModel(section, vocabulary);
    }

    /// <inheritdoc/>
    public override void Encode(string piece, List<int> ids)
    {
        if (_ignoresMerges && _vocabulary.TryGetValue(piece, out int whole))
        {
            ids.Add(whole);
            return;
        }

        List<int> symbols = Symbols(piece);
        Merge(symbols, ids);
    }

    private static (string Left, string Right) Pair(JsonSection section, JsonElement merge)
    {
        if (merge.ValueKind == JsonValueKind.String && merge.GetString() is { } text && text.IndexOf(' ', StringComparison.Ordinal) is > 0 and var space)
        {
            return (text[..space], text[(space + 1)..]);
        }

        return merge.ValueKind == JsonValueKind.Array && merge.GetArrayLength() == 2 && merge[0].ValueKind == JsonValueKind.String && merge[1].ValueKind == JsonValueKind.String
            ? (merge[0].GetString()!, merge[1].GetString()!)
            : throw section.Error("a merge should be a text with a space, or a list of two texts");
    }

    private static long Key(int left, int right) => ((long)left << 32) | (uint)right;

    // The characters of a piece as tokens; what the vocabulary lacks as bytes, or as the unknown token.
    private List<int> Symbols(string piece)
    {
        List<int> symbols = new(piece.Length);
        int pendingUnknown = 0;
        Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> lookup = _vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        Span<byte> bytes = stackalloc byte[4];
        for (int i = 0; i < piece.Length;)
        {
            int length = char.IsHighSurrogate(piece[i]) && i + 1 < piece.Length && char.IsLowSurrogate(piece[i + 1]) ? 2 : 1;
            ReadOnlySpan<char> character = piece.AsSpan(i, length);
            bool isLast = i + length == piece.Length;
            bool isFound = (i > 0 && _prefix.Length > 0) || (isLast && _suffix.Length > 0)
                ? _vocabulary.TryGetValue($"{(i > 0 ? _prefix : "")}{character}{(isLast ? _suffix : "")}", out int id)
                : lookup.TryGetValue(character, out id);
            i += length;
            if (isFound)
            {
                FlushUnknown();
                symbols.Add(id);
                continue;
            }

            int count = Encoding.UTF8.GetBytes(character, bytes);
            if (_hasByteFallback && AddBytes(symbols, bytes[..count]))
            {
                continue;
            }

            if (_unknown is not null)
            {
                if (!_fusesUnknown)
                {
                    FlushUnknown();
                }

                pendingUnknown = 1;
            }
        }

        FlushUnknown();
        return symbols;

        void FlushUnknown()
        {
            if (pendingUnknown > 0)
            {
                symbols.Add(_unknown!.Value);
                pendingUnknown = 0;
            }
        }
    }

    private bool AddBytes(List<int> symbols, ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes)
        {
            if (_bytes[value] is null)
            {
                return false;
            }
        }

        foreach (byte value in bytes)
        {
            symbols.Add(_bytes[value]!.Value);
        }

        return true;
    }

    // A queue of possible merges, the best rank first, then the leftmost; symbols are linked, so that a merge takes no move.
    private void Merge(List<int> symbols, List<int> ids)
    {
        int count = symbols.Count;
        int[] previous = new int[count];
        int[] next = new int[count];
        bool[] isGone = new bool[count];
        PriorityQueue<(int Place, long Pair, int Id), (int Rank, int Place)> queue = new();
        for (int i = 0; i < count; i++)
        {
            previous[i] = i - 1;
            next[i] = i + 1;
            Offer(i, i + 1);
        }

        while (queue.TryDequeue(out (int Place, long Pair, int Id) merge, out _))
        {
            int left = merge.Place;
            int right = isGone[left] ? count : next[left];
            if (isGone[left] || right >= count || Key(symbols[left], symbols[right]) != merge.Pair)
            {
                continue;
            }

            symbols[left] = merge.Id;
            isGone[right] = true;
            next[left] = next[right];
            if (next[left] < count)
            {
                previous[next[left]] = left;
            }

            if (previous[left] >= 0)
            {
                Offer(previous[left], left);
            }

            Offer(left, next[left]);
        }

        for (int i = 0; i < count; i = next[i])
        {
            ids.Add(symbols[i]);
        }

        void Offer(int left, int right)
        {
            if (right < count)
            {
                long pair = Key(symbols[left], symbols[right]);
                if (_merges.TryGetValue(pair, out (int Rank, int Id) merge))
                {
                    queue.Enqueue((left, pair, merge.Id), (merge.Rank, left));
                }
            }
        }
    }
}
