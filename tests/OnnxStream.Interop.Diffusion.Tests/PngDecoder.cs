using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace OnnxStream.Interop.Diffusion.Tests;

/// <summary>Reads PNG files of 8-bit red, green and blue, every check sum verified.</summary>
internal static class PngDecoder
{
    public static (RgbImage Image, IReadOnlyList<(string Type, byte[] Data)> Chunks) Decode(byte[] png)
    {
        Assert.That(png[..8], Is.EqualTo((byte[])[0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10]));
        List<(string Type, byte[] Data)> chunks = [];
        for (int position = 8; position < png.Length;)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(position));
            ReadOnlySpan<byte> typeAndData = png.AsSpan(position + 4, 4 + length);
            Assert.That(BinaryPrimitives.ReadUInt32BigEndian(png.AsSpan(position + 8 + length)), Is.EqualTo(BitwiseCrc(typeAndData)));
            chunks.Add((Encoding.ASCII.GetString(typeAndData[..4]), typeAndData[4..].ToArray()));
            position += 12 + length;
        }

        Assert.That((chunks[0].Type, chunks[^1].Type), Is.EqualTo(("IHDR", "IEND")));
        byte[] header = chunks[0].Data;
        int width = BinaryPrimitives.ReadInt32BigEndian(header), height = BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(4));
        Assert.That(header[8..], Is.EqualTo((byte[])[8, 2, 0, 0, 0]));
        byte[] compressed = [.. chunks.Where(chunk => chunk.Type == "IDAT").SelectMany(chunk => chunk.Data)];
        using ZLibStream inflated = new(new MemoryStream(compressed), CompressionMode.Decompress);
        RgbImage image = new(width, height);
        byte[] above = new byte[width * 3];
        for (int y = 0; y < height; y++)
        {
            int filter = inflated.ReadByte();
            byte[] row = new byte[width * 3];
            inflated.ReadExactly(row);
            for (int i = 0; i < row.Length; i++)
            {
                int left = i < 3 ? 0 : row[i - 3], up = above[i], corner = i < 3 ? 0 : above[i - 3];
                row[i] += (byte)(filter switch { 0 => 0, 1 => left, 2 => up, 3 => (left + up) / 2, 4 => Paeth(left, up, corner), _ => throw new InvalidDataException() });
            }

            row.CopyTo(image.Pixels[(y * row.Length)..]);
            above = row;
        }

        Assert.That(inflated.ReadByte(), Is.EqualTo(-1));
        return (image, chunks);
    }

    private static int Paeth(int left, int up, int corner)
    {
        int estimate = left + up - corner;
        int toLeft = Math.Abs(estimate - left), toUp = Math.Abs(estimate - up), toCorner = Math.Abs(estimate - corner);
        return toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
    }

    // Bit by bit, so that the table of the writer is not trusted.
    private static uint BitwiseCrc(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320);
            }
        }

        return ~crc;
    }
}
