using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using StbImageWriteSharp;

namespace OnnxStream.Interop.Diffusion;

/// <summary>Writes PNG files that say how their picture was made, and reads what they say.</summary>
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

    /// <summary>Reads how the picture of a file was made, as this program and others of the field write it; null where the file does not say it.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="ModelFormatException">It is no PNG file, or is cut off.</exception>
    public static string? ReadParameters(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ReadOnlySpan<byte> rest = File.ReadAllBytes(path);
        if (!rest.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10]))
        {
            throw new ModelFormatException(path, "this is not a PNG file.");
        }

        const int Frame = 4 + 4 + 4;
        rest = rest[8..];
        while (rest.Length >= Frame)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(rest);
            if (length > rest.Length - Frame)
            {
                break;
            }

            ReadOnlySpan<byte> type = rest.Slice(4, 4), data = rest.Slice(8, (int)length);
            if (ReadText(type, data) is { } text)
            {
                return text;
            }

            if (type.SequenceEqual("IEND"u8))
            {
                return null;
            }

            rest = rest[(Frame + (int)length)..];
        }

        throw new ModelFormatException(path, "the PNG file is cut off.");
    }

    private static string? ReadText(ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        int end = data.IndexOf((byte)0);
        if (end < 0 || !data[..end].SequenceEqual(Encoding.Latin1.GetBytes(Keyword)))
        {
            return null;
        }

        data = data[(end + 1)..];
        if (type.SequenceEqual("tEXt"u8))
        {
            // The format has Latin-1 here; programs of this field write UTF-8 as well.
            try
            {
                return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(data);
            }
            catch (DecoderFallbackException)
            {
                return Encoding.Latin1.GetString(data);
            }
        }

        if (type.SequenceEqual("zTXt"u8) && data.Length > 1)
        {
            return Encoding.Latin1.GetString(Inflate(data[1..]));
        }

        // iTXt: whether it is compressed, how, the language, 0, the translated keyword, 0, the text.
        if (!type.SequenceEqual("iTXt"u8) || data.Length < 4)
        {
            return null;
        }

        bool isCompressed = data[0] == 1;
        data = data[2..];
        for (int i = 0; i < 2; i++)
        {
            data = data[(data.IndexOf((byte)0) + 1)..];
        }

        return Encoding.UTF8.GetString(isCompressed ? Inflate(data) : data);
    }

    private static byte[] Inflate(ReadOnlySpan<byte> data)
    {
        const int MostBytes = 16 << 20;
        using ZLibStream stream = new(new MemoryStream(data.ToArray()), CompressionMode.Decompress);
        using MemoryStream text = new();
        byte[] buffer = new byte[1 << 14];
        for (int count; text.Length < MostBytes && (count = stream.Read(buffer)) > 0;)
        {
            text.Write(buffer, 0, count);
        }

        return text.ToArray();
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
