using System.IO.Compression;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.PublicApi.Tests.Weights;

/// <summary>The files of a ZIP archive, as a user would write it: an entry is kept in memory from its first read on.</summary>
internal sealed class ArchiveFiles(string path) : ModelFiles(path), IDisposable
{
    private readonly ZipArchive _archive = ZipFile.OpenRead(path);

    public void Dispose() => _archive.Dispose();

    protected override WeightSource? FindCore(string name) => _archive.GetEntry(name) is { } entry ? new Entry(Id, entry) : null;

    private sealed class Entry(string archive, ZipArchiveEntry entry) : WeightSource($"{archive}!{entry.FullName}")
    {
        private readonly Lazy<byte[]> _bytes = new(() =>
        {
            lock (entry.Archive)
            {
                byte[] bytes = new byte[entry.Length];
                using Stream stream = entry.Open();
                stream.ReadExactly(bytes);
                return bytes;
            }
        });

        public override long Length => entry.Length;

        public override string Version => $"{entry.Crc32:x8}";

        public override void Read(long offset, Span<byte> destination) => _bytes.Value.AsSpan((int)offset, destination.Length).CopyTo(destination);
    }
}
