using System.Security.Cryptography;

namespace OnnxStream.Interop.Language.Decoding;

/// <summary>What tells a model from others without reading all of it: the lengths of its files, their first and last megabyte, and samples between.</summary>
internal static class ModelFingerprint
{
    private const int EndBytes = 1 << 20;
    private const int SampleBytes = 4096;
    private const int SampleCount = 64;

    /// <summary>The fingerprint of a model file and those that stand beside it with its name in front (external data).</summary>
    public static byte[] Compute(string modelPath)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(modelPath))!;
        string name = Path.GetFileName(modelPath);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] block = new byte[EndBytes];
        foreach (string path in Directory.GetFiles(folder, $"{name}*").Order(StringComparer.Ordinal))
        {
            using FileStream stream = File.OpenRead(path);
            hash.AppendData(BitConverter.GetBytes(stream.Length));
            Add(stream, 0, EndBytes);
            Add(stream, Math.Max(0, stream.Length - EndBytes), EndBytes);
            for (int i = 1; i < SampleCount; i++)
            {
                Add(stream, stream.Length / SampleCount * i, SampleBytes);
            }
        }

        return hash.GetHashAndReset();

        void Add(FileStream stream, long position, int length)
        {
            stream.Position = position;
            int read = stream.ReadAtLeast(block.AsSpan(0, length), length, throwOnEndOfStream: false);
            hash.AppendData(block, 0, read);
        }
    }
}
