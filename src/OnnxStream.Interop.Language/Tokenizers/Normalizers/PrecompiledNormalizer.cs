using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace OnnxStream.Interop.Language.Tokenizers.Normalizers;

/// <summary>SentencePiece's table of replacements: a double-array trie of byte sequences, and what they become. https://github.com/google/sentencepiece/blob/master/src/normalizer.cc</summary>
internal sealed class PrecompiledNormalizer : Normalizer
{
    private readonly uint[] _trie;
    private readonly byte[] _texts;

    /// <summary>Reads the table, which is base64 in the file.</summary>
    public PrecompiledNormalizer(JsonSection section)
    {
        byte[] bytes;
        try
        {
            bytes = Convert.FromBase64String(section.Text("precompiled_charsmap") ?? "");
        }
        catch (FormatException)
        {
            throw section.Error("\"precompiled_charsmap\" is not base64");
        }

        uint length = bytes.Length >= 4 ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : 0;
        if (bytes.Length < 4 || length > bytes.Length - 4 || length % 4 != 0)
        {
            throw section.Error("\"precompiled_charsmap\" is not whole");
        }

        _trie = new uint[length / 4];
        for (int i = 0; i < _trie.Length; i++)
        {
            _trie[i] = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(4 + 4 * i));
        }

        _texts = bytes[(4 + (int)length)..];
    }

    /// <inheritdoc/>
    public override string Normalize(string text)
    {
        // As Hugging Face's library does it: a user's character first, if it has few bytes, then its code points.
        StringBuilder result = new(text.Length);
        TextElementEnumerator elements = StringInfo.GetTextElementEnumerator(text);
        while (elements.MoveNext())
        {
            string element = elements.GetTextElement();
            if (Encoding.UTF8.GetByteCount(element) < 6 && Find(element) is { } whole)
            {
                result.Append(whole);
                continue;
            }

            foreach (Rune rune in element.EnumerateRunes())
            {
                string part = rune.ToString();
                result.Append(Find(part) ?? part);
            }
        }

        return result.ToString();
    }

    // The shortest entry that the text begins with.
    private string? Find(string text)
    {
        if (_trie.Length == 0)
        {
            return null;
        }

        uint position = Offset(_trie[0]);
        foreach (byte value in Encoding.UTF8.GetBytes(text))
        {
            if (value == 0)
            {
                return null;
            }

            position ^= value;
            if (position >= _trie.Length || (_trie[position] & 0x800000FF) != value)
            {
                return null;
            }

            uint unit = _trie[position];
            position ^= Offset(unit);
            if ((unit >> 8 & 1) == 1)
            {
                return position < _trie.Length ? Text((int)(_trie[position] & 0x7FFFFFFF)) : null;
            }
        }

        return null;
    }

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & (1u << 9)) >> 6);

    private string? Text(int start)
    {
        if (start >= _texts.Length)
        {
            return null;
        }

        int end = Array.IndexOf(_texts, (byte)0, start);
        return Encoding.UTF8.GetString(_texts.AsSpan(start, (end < 0 ? _texts.Length : end) - start));
    }
}
