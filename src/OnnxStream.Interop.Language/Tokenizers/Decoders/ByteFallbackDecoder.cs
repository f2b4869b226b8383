using System.Globalization;
using System.Text;

namespace OnnxStream.Interop.Language.Tokenizers.Decoders;

/// <summary>Makes text of tokens such as <c>&lt;0xE2&gt;</c>: of neighbours together, if they are UTF-8; else a replacement character for each.</summary>
internal sealed class ByteFallbackDecoder : TokenTextDecoder
{
    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <inheritdoc/>
    public override List<string> Decode(List<string> tokens)
    {
        List<string> texts = [];
        List<byte> bytes = [];
        foreach (string token in tokens)
        {
            if (FindBytes(token) is { } found)
            {
                bytes.AddRange(found);
                continue;
            }

            Flush();
            texts.Add(token);
        }

        Flush();
        return texts;

        void Flush()
        {
            if (bytes.Count == 0)
            {
                return;
            }

            try
            {
                texts.Add(s_strict.GetString([.. bytes]));
            }
            catch (DecoderFallbackException)
            {
                texts.AddRange(Enumerable.Repeat("\uFFFD", bytes.Count));
            }

            bytes.Clear();
        }
    }

    /// <inheritdoc/>
    public override byte[]? FindBytes(string token) =>
        token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>' &&
        byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value) ? [value] : null;
}
