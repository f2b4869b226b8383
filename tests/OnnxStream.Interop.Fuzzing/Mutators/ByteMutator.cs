using System.Buffers.Binary;

namespace OnnxStream.Interop.Fuzzing.Mutators;

/// <summary>Changes bytes without knowing what they mean.</summary>
internal static class ByteMutator
{
    /// <summary>A copy with one to four changes: a byte that becomes another, a bit that turns, a number, a piece that is lost, doubled, moved or cut off.</summary>
    public static byte[] Mutate(ReadOnlySpan<byte> file, Random random)
    {
        List<byte> bytes = [.. file];
        for (int change = random.Next(1, 5); change > 0 && bytes.Count > 8; change--)
        {
            // Headers are at the front of most files, and small beside what they describe.
            int place = random.Next(random.Next(4) == 0 ? Math.Min(bytes.Count, 128) : bytes.Count);
            int length = Math.Min(random.Next(8) == 0 ? random.Next(1, 2000) : random.Next(1, 9), bytes.Count - place);
            switch (random.Next(20))
            {
                case < 6:
                    bytes[place] = (byte)random.Next(256);
                    break;
                case < 10:
                    bytes[place] ^= (byte)(1 << random.Next(8));
                    break;
                case < 12:
                    bytes.RemoveRange(place, length);
                    break;
                case < 14:
                    bytes.InsertRange(place, bytes.GetRange(place, length));
                    break;
                case < 16:
                    bytes[place] = random.Next(2) == 0 ? (byte)0x7F : (byte)0xFF;
                    break;
                case < 18:
                    WriteNumber(bytes, place, random);
                    break;
                case 18:
                    List<byte> piece = bytes.GetRange(place, length);
                    bytes.RemoveRange(place, length);
                    bytes.InsertRange(random.Next(bytes.Count + 1), piece);
                    break;
                default:
                    bytes.RemoveRange(place, bytes.Count - place);
                    break;
            }
        }

        return [.. bytes];
    }

    private static void WriteNumber(List<byte> bytes, int place, Random random)
    {
        Span<byte> number = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(number, Interesting.Integer(random));
        int size = 1 << random.Next(1, 4);
        for (int i = 0; i < size && place + i < bytes.Count; i++)
        {
            bytes[place + i] = number[i];
        }
    }
}
