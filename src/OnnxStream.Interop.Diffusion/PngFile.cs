using System.Buffers.Binary;
using System.Text;
using StbImageWriteSharp;

namespace OnnxStream.Interop.Diffusion;

/// <summary>Writes PNG files that say how their picture was made.</summary>
/// <remarks>
/// The text goes into a chunk with the keyword <c>parameters</c>, where the programs of this field look for it: <c>tEXt</c>, or
/// <c>iTXt</c> (UTF-8) when Latin-1, which is all that the former holds, lacks a character.
/// The format is that of <see href="https://www.w3.org/TR/png-3/"/>.
/// </remarks>
public static class PngFile
{
    private const string Keyword = "parameters";

    // Signature (8 bytes) and the header chunk (4 length, 4 type, 13 data, 4 checksum), which always comes first.
    private const int HeaderEnd = 8 + 4 + 4 + 13 + 4;

    /// <summary>Writes a file; until it is complete, it has another name beside.</summary>
    /// <param name="path">The file; it is replaced if it exists.</param>
    /// <param name="image">The picture.</param>
    /// <param name="parameters">How it was made, as text; null to leave it out.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, RgbImage image, string? parameters = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        byte[] bytes = Encode(image, parameters);
        using UnfinishedPath temporary = new($"{path}.{Guid.NewGuid():N}.tmp");
        File.WriteAllBytes(temporary.Path, bytes);
        File.Move(temporary.Path, path, overwrite: true);
    }

    /// <summary>The bytes of a PNG file.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="parameters">How it was made, as text; null to leave it out.</param>
    public static byte[] Encode(RgbImage image, string? parameters = null)
    {
        ArgumentNullException.ThrowIfNull(image);
        using MemoryStream stream = new();
        new ImageWriter().WritePng(image.Pixels.ToArray(), image.Width, image.Height, ColorComponents.RedGreenBlue, stream);
        ReadOnlySpan<byte> png = stream.GetBuffer().AsSpan(0, (int)stream.Length);
        return parameters is null ? png.ToArray() : [.. png[..HeaderEnd], .. TextChunk(parameters), .. png[HeaderEnd..]];
    }

    private static byte[] TextChunk(string text)
    {
        // Zero would end the text; PNG wants line feeds alone.
        text = text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\0', ' ');
        bool latin1 = text.All(character => character is '\n' or (>= ' ' and <= '~') or (>= '\u00A0' and <= '\u00FF'));
        byte[] keyword = Encoding.Latin1.GetBytes(Keyword);

        // tEXt: keyword, 0, text. iTXt: keyword, 0, not compressed (0, 0), no language (0), no translated keyword (0), text.
        return latin1
            ? Chunk("tEXt"u8, [.. keyword, 0, .. Encoding.Latin1.GetBytes(text)])
            : Chunk("iTXt"u8, [.. keyword, 0, 0, 0, 0, 0, .. Encoding.UTF8.GetBytes(text)]);
    }

    private static byte[] Chunk(ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        byte[] chunk = new byte[4 + 4 + data.Length + 4];
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length);
        type.CopyTo(chunk.AsSpan(4));
        data.CopyTo(chunk.AsSpan(8));
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(8 + data.Length), Crc32.Compute(chunk.AsSpan(4, 4 + data.Length)));
        return chunk;
    }
}
