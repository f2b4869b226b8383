using System.Text;
using OnnxStream.Interop.Language.Tokenizers;

namespace OnnxStream.Interop.Language.Grammars;

/// <summary>The bytes that a token adds to a text.</summary>
internal sealed class TokenTexts
{
    private readonly Tokenizer _tokenizer;
    private readonly int _anchor = -1;
    private readonly string _anchorText = "";

    /// <summary>Looks at how the tokenizer makes text.</summary>
    public TokenTexts(Tokenizer tokenizer)
    {
        _tokenizer = tokenizer;

        // Some decoders make other text of the first token, so others are looked at behind one.
        int[] words = [.. Enumerable.Range(0, tokenizer.VocabularySize).Where(id => tokenizer.FindToken(id) is { Length: 1 } token && char.IsAsciiLetter(token[0])).Take(1)];
        if (words.Length > 0)
        {
            _anchor = words[0];
            _anchorText = tokenizer.Decode([_anchor]);
        }

        DropsFirstSpace = Enumerable.Range(0, tokenizer.VocabularySize)
            .Where(id => !tokenizer.IsSpecial(id) && Behind(id) is [' ', var letter, ..] && char.IsAsciiLetter(letter)).Take(1).Any(id => tokenizer.Decode([id]) == Behind(id)![1..]);
    }

    /// <summary>Whether a space that the first token begins with is no part of the text.</summary>
    public bool DropsFirstSpace { get; }

    /// <summary>The bytes; null where the token is no text.</summary>
    /// <param name="id">The token.</param>
    /// <param name="mayBeFirst">Whether they are the same, but for a space that is dropped, where a text begins with it.</param>
    public byte[]? Find(int id, out bool mayBeFirst)
    {
        mayBeFirst = true;
        if (_tokenizer.IsSpecial(id) || _tokenizer.FindToken(id) is not { } token)
        {
            return null;
        }

        if (_tokenizer.FindBytes(token) is { } bytes)
        {
            return bytes;
        }

        if (Behind(id) is not { } text)
        {
            return null;
        }

        mayBeFirst = text.Length > 0 && (text[0] != ' ' || _tokenizer.Decode([id]) == (DropsFirstSpace ? text[1..] : text));
        return Encoding.UTF8.GetBytes(text);
    }

    // What a token adds behind another; null where it changes that one.
    private string? Behind(int id)
    {
        if (_anchor < 0)
        {
            return _tokenizer.Decode([id]);
        }

        string text = _tokenizer.Decode([_anchor, id]);
        return text.StartsWith(_anchorText, StringComparison.Ordinal) ? text[_anchorText.Length..] : null;
    }
}
