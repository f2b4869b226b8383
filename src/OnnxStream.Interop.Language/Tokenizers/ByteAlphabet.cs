using System.Text;

namespace OnnxStream.Interop.Language.Tokenizers;

/// <summary>The characters that stand for bytes in vocabularies of GPT-2's kind: printable ones for themselves, others for the rest. https://github.com/openai/gpt-2/blob/master/src/encoder.py</summary>
internal static class ByteAlphabet
{
    private static readonly char[] s_characters = Create();
    private static readonly Dictionary<char, byte> s_bytes = s_characters.Select((character, value) => (character, value)).ToDictionary(pair => pair.character, pair => (byte)pair.value);

    /// <summary>The bytes of a text in UTF-8, as characters.</summary>
    public static string Encode(ReadOnlySpan<char> text)
    {
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(text)];
        Encoding.UTF8.GetBytes(text, bytes);
        return string.Create(bytes.Length, bytes, static (characters, bytes) =>
        {
            for (int i = 0; i < bytes.Length; i++)
            {
                characters[i] = s_characters[bytes[i]];
            }
        });
    }

    /// <summary>Adds the bytes that the characters of a token stand for; those of the token itself where one stands for none.</summary>
    public static void Decode(string token, List<byte> bytes)
    {
        int start = bytes.Count;
        foreach (char character in token)
        {
            if (!s_bytes.TryGetValue(character, out byte value))
            {
                bytes.RemoveRange(start, bytes.Count - start);
                bytes.AddRange(Encoding.UTF8.GetBytes(token));
                return;
            }

            bytes.Add(value);
        }
    }

    private static char[] Create()
    {
        char[] characters = new char[256];
        int others = 256;
        for (int i = 0; i < 256; i++)
        {
            characters[i] = i is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF) ? (char)i : (char)others++;
        }

        return characters;
    }
}
