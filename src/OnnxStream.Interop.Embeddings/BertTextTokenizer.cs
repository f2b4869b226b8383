using System.Text;
using Microsoft.ML.Tokenizers;

namespace OnnxStream.Interop.Embeddings;

/// <summary>BERT's tokenizer: words (<see cref="BertWords"/>), and the longest pieces of them that a vocabulary has, between <c>[CLS]</c> and <c>[SEP]</c>.</summary>
/// <remarks>The pieces are found by <see cref="WordPieceTokenizer"/> of Microsoft.ML.Tokenizers.</remarks>
internal sealed class BertTextTokenizer
{
    private const string Unknown = "[UNK]", Padding = "[PAD]", First = "[CLS]", Last = "[SEP]", Mask = "[MASK]";

    private static readonly string[] s_specialTokens = [Unknown, Padding, First, Last, Mask];

    private readonly WordPieceTokenizer _pieces;
    private readonly Dictionary<string, int> _specialIds = [];
    private readonly bool _isUncased;

    /// <summary>Makes a tokenizer.</summary>
    /// <param name="vocabulary">The tokens, in the order of their ids.</param>
    /// <param name="isUncased">Whether capitals become small and accents are left out; null to conclude it from the vocabulary.</param>
    /// <param name="path">The file of the vocabulary, for errors.</param>
    /// <exception cref="ModelFormatException">The vocabulary is not one of WordPiece.</exception>
    public BertTextTokenizer(IReadOnlyList<string> vocabulary, bool? isUncased, string path)
    {
        Dictionary<string, int> ids = [];
        for (int i = 0; i < vocabulary.Count; i++)
        {
            // A token that stands there twice has its last id, as in the reference.
            ids[vocabulary[i]] = i;
        }

        foreach (string token in s_specialTokens)
        {
            if (ids.TryGetValue(token, out int id))
            {
                _specialIds.Add(token, id);
            }
            else if (token != Mask)
            {
                throw new ModelFormatException(path, $"this is no vocabulary of WordPiece with BERT's special tokens: expected {string.Join(", ", s_specialTokens)} among the tokens, {token} is missing.");
            }
        }

        using MemoryStream lines = new(Encoding.UTF8.GetBytes(string.Join('\n', vocabulary)));
        _pieces = WordPieceTokenizer.Create(lines, new WordPieceOptions { UnknownToken = Unknown });
        _isUncased = isUncased ?? !vocabulary.Any(token => !IsReserved(token) && token.Any(char.IsAsciiLetterUpper));
        PaddingId = _specialIds[Padding];
    }

    /// <summary>The id that fills rows of a batch up.</summary>
    public int PaddingId { get; }

    /// <summary>The ids of a text, with those of <c>[CLS]</c> before and <c>[SEP]</c> behind it.</summary>
    /// <param name="text">The text. Special tokens that it spells out become their ids, as in Hugging Face's tokenizers.</param>
    /// <param name="most">The most ids, at least 2; what does not fit is left out at the end.</param>
    /// <param name="isTruncated">Whether something was left out.</param>
    public List<int> Encode(string text, int most, out bool isTruncated)
    {
        List<int> ids = [_specialIds[First]];
        int start = 0;
        while (start < text.Length && ids.Count < most)
        {
            (int at, string? token) = FindSpecial(text, start);

            // Each word has one id at least, so the last one that can matter is known.
            foreach (string word in BertWords.Split(text.AsSpan(start, at - start), _isUncased, most))
            {
                ids.AddRange(_pieces.EncodeToIds(word, considerPreTokenization: false, considerNormalization: false));
                if (ids.Count >= most)
                {
                    break;
                }
            }

            start = at;
            if (token is not null)
            {
                ids.Add(_specialIds[token]);
                start += token.Length;
            }
        }

        isTruncated = ids.Count > most - 1;
        if (isTruncated)
        {
            ids.RemoveRange(most - 1, ids.Count - (most - 1));
        }

        ids.Add(_specialIds[Last]);
        return ids;
    }

    private (int At, string? Token) FindSpecial(string text, int start)
    {
        for (int at = text.IndexOf('[', start); at >= 0; at = text.IndexOf('[', at + 1))
        {
            foreach (string token in _specialIds.Keys)
            {
                if (text.AsSpan(at).StartsWith(token, StringComparison.Ordinal))
                {
                    return (at, token);
                }
            }
        }

        return (text.Length, null);
    }

    private static bool IsReserved(string token) => token is ['[', .., ']'];
}
