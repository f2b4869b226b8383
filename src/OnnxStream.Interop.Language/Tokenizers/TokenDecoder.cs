using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Language.Tokenizers;

/// <summary>Makes text of tokens that come one after the other. What it returns, put together, is what all tokens are at once.</summary>
/// <remarks>
/// A character may be made of several tokens: text that ends with half of one is held back. The texts of tokens depend on those before them, so a few of
/// these are decoded again with each.
/// </remarks>
public sealed class TokenDecoder
{
    private readonly Tokenizer _tokenizer;
    private readonly bool _skipsSpecial;
    private readonly List<int> _ids = [];
    private string _before = "";
    private int _returned;

    internal TokenDecoder(Tokenizer tokenizer, bool skipSpecialTokens)
    {
        _tokenizer = tokenizer;
        _skipsSpecial = skipSpecialTokens;
    }

    /// <summary>Takes a token.</summary>
    /// <returns>The text that is certain with it.</returns>
    public string Add(int id)
    {
        _ids.Add(id);
        string text = _tokenizer.Decode(CollectionsMarshal.AsSpan(_ids), _skipsSpecial);
        if (text.Length <= _before.Length || text.EndsWith('\uFFFD'))
        {
            return "";
        }

        return Return(text);
    }

    /// <summary>The text that was held back, at the end: replacement characters where characters are not whole.</summary>
    public string Flush()
    {
        string text = _tokenizer.Decode(CollectionsMarshal.AsSpan(_ids), _skipsSpecial);
        return text.Length <= _before.Length ? "" : Return(text);
    }

    // The tokens of what was returned last stay: the next ones are decoded behind them.
    private string Return(string text)
    {
        string piece = text[_before.Length..];
        _ids.RemoveRange(0, _returned);
        _returned = _ids.Count;
        _before = _tokenizer.Decode(CollectionsMarshal.AsSpan(_ids), _skipsSpecial);
        return piece;
    }
}
