using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace OnnxStream.Interop.Language.Decoding;

/// <summary>A conversation's tokens, keys and values in a file, with what tells whose they are and whether they are whole.</summary>
/// <remarks>
/// All numbers are little-endian: eight letters, of which the last ones say in which type keys and values are kept, the model's fingerprint (32 bytes), the number of tokens and each of them (32 bits), the number of
/// tensors (32 bits), for each the number of its bytes (64 bits) and these, and the SHA-256 of everything before it.
/// </remarks>
internal static class CacheFile
{
    private const int FingerprintBytes = 32;
    private static readonly (ElementType? Type, byte[] Magic)[] s_kinds = [(ElementType.Int8, "OSIc-i08"u8.ToArray()), (ElementType.Float16, "OSIc-f16"u8.ToArray()), (null, "OSIcache"u8.ToArray())];

    /// <summary>Writes a file.</summary>
    public static void Write(string path, byte[] fingerprint, TokenCache cache)
    {
        string full = Path.GetFullPath(path);
        using UnfinishedPath unfinished = new($"{full}.{Guid.NewGuid():N}.tmp");
        using (IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256))
        using (FileStream stream = File.Create(unfinished.Path))
        {
            Put(Magic(cache));
            Put(fingerprint);
            PutNumber(cache.Tokens.Count);
            foreach (int token in cache.Tokens)
            {
                PutNumber(token);
            }

            PutNumber(cache.State.Inputs.Count);
            foreach (string input in cache.State.Inputs)
            {
                byte[] stored = cache.State.ReadStored(input);
                byte[] length = new byte[8];
                BinaryPrimitives.WriteInt64LittleEndian(length, stored.Length);
                Put(length);
                Put(stored);
            }

            stream.Write(hash.GetHashAndReset());

            void Put(ReadOnlySpan<byte> bytes)
            {
                hash.AppendData(bytes);
                stream.Write(bytes);
            }

            void PutNumber(int number)
            {
                Span<byte> bytes = stackalloc byte[4];
                BinaryPrimitives.WriteInt32LittleEndian(bytes, number);
                Put(bytes);
            }
        }

        File.Move(unfinished.Path, full, overwrite: true);
    }

    /// <summary>Reads a file. Where it is refused, the conversation is as it was.</summary>
    public static void Read(string path, byte[] fingerprint, TokenCache cache, int contextLength)
    {
        using FileStream stream = File.OpenRead(path);

        // It is read twice: what is not whole changes nothing.
        int[] tokens = Check(stream, path, fingerprint, cache, contextLength);
        stream.Position = Magic(cache).Length + FingerprintBytes + 4 + 4L * tokens.Length + 4;
        cache.Truncate(0);
        foreach (string input in cache.State.Inputs)
        {
            stream.Position += 8;
            Shape shape = WithLength(cache.State.TypeOf(input).Shape, tokens.Length);
            byte[] stored = new byte[cache.State.StoredLength(input, shape)];
            stream.ReadExactly(stored);
            cache.State.WriteStored(input, shape, stored);
        }

        cache.Restore(tokens);
    }

    private static int[] Check(FileStream stream, string path, byte[] fingerprint, TokenCache cache, int contextLength)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] magic = Magic(cache);
        byte[] found = stream.Length < magic.Length ? [] : Take(magic.Length);
        if (!found.AsSpan().SequenceEqual(magic))
        {
            throw new ModelFormatException(path, Array.Exists(s_kinds, kind => kind.Magic.AsSpan().SequenceEqual(found))
                ? $"keys and values of the conversation were kept as {Kind(found)}; those of this one are {Kind(magic)}. Open the model with the same type of cache."
                : "this is not the file of a conversation.");
        }

        if (!Take(FingerprintBytes).AsSpan().SequenceEqual(fingerprint))
        {
            throw new ModelFormatException(path, "the conversation is another model's; its keys and values mean nothing to this one.");
        }

        int count = TakeNumber();
        if (count < 0 || count > (stream.Length - stream.Position) / 4)
        {
            throw Cut();
        }

        if (count > contextLength)
        {
            throw new ContextLengthException(count, contextLength);
        }

        int[] tokens = MemoryMarshal.Cast<byte, int>(Take(4 * count)).ToArray();
        if (!BitConverter.IsLittleEndian)
        {
            BinaryPrimitives.ReverseEndianness(tokens, tokens);
        }

        if (TakeNumber() != cache.State.Inputs.Count)
        {
            throw Cut();
        }

        byte[] block = new byte[1 << 20];
        foreach (string input in cache.State.Inputs)
        {
            long left = BinaryPrimitives.ReadInt64LittleEndian(Take(8));
            if (left != cache.State.StoredLength(input, WithLength(cache.State.TypeOf(input).Shape, count)))
            {
                throw Cut();
            }

            while (left > 0)
            {
                int read = stream.Read(block, 0, (int)Math.Min(left, block.Length));
                if (read == 0)
                {
                    throw Cut();
                }

                hash.AppendData(block, 0, read);
                left -= read;
            }
        }

        byte[] expected = hash.GetHashAndReset();
        return Take(expected.Length).AsSpan().SequenceEqual(expected) && stream.Position == stream.Length ? tokens : throw Cut();

        byte[] Take(int length)
        {
            byte[] bytes = new byte[length];
            if (stream.ReadAtLeast(bytes, length, throwOnEndOfStream: false) < length)
            {
                throw Cut();
            }

            hash.AppendData(bytes);
            return bytes;
        }

        int TakeNumber() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));

        ModelFormatException Cut() => new(path, "the file of a conversation is not whole, or was changed.");
    }

    // Where the model's own cache is of half precision, it is the model's own type, as ever.
    private static byte[] Magic(TokenCache cache)
    {
        bool isOwn = cache.State.TypeOf(cache.State.Inputs[0]).ElementType == cache.ElementType;
        return Array.Find(s_kinds, kind => kind.Type == (isOwn ? null : cache.ElementType)).Magic;
    }

    private static string Kind(byte[] magic) => Array.Find(s_kinds, kind => kind.Magic.AsSpan().SequenceEqual(magic)).Type?.ToOnnxName() ?? "the model has them";

    private static Shape WithLength(Shape shape, int length)
    {
        long[] dimensions = shape.Dimensions.ToArray();
        dimensions[2] = length;
        return new Shape(dimensions);
    }
}
