using System.IO.Compression;

namespace OnnxStream.Interop.Cli.Tensors;

/// <summary>Reads NumPy's <c>.npz</c> files: archives of <c>.npy</c> files, stored or compressed.</summary>
internal static class NpzFile
{
    private const string Extension = ".npy";

    /// <summary>Reads all tensors of a file, by the names that they were given.</summary>
    /// <exception cref="ModelFormatException">It is no such archive, or an entry is no tensor.</exception>
    public static Dictionary<string, TensorBuffer> Load(string path)
    {
        try
        {
            using ZipArchive archive = ZipFile.OpenRead(path);
            Dictionary<string, TensorBuffer> tensors = [];
            foreach (ZipArchiveEntry entry in archive.Entries)
            {
                string place = $"{path}({entry.FullName})";
                if (!entry.FullName.EndsWith(Extension, StringComparison.OrdinalIgnoreCase))
                {
                    throw new ModelFormatException(place, "expected entries that are .npy files, as numpy.savez writes them.");
                }

                using EntryStream stream = new(entry.Open(), entry.Length);
                if (!tensors.TryAdd(entry.FullName[..^Extension.Length], NpyFile.Read(stream, place)))
                {
                    throw new ModelFormatException(place, "the archive has two entries of this name.");
                }
            }

            return tensors;
        }
        catch (Exception exception) when (exception is InvalidDataException or EndOfStreamException)
        {
            throw new ModelFormatException(path, $"this is no whole .npz file: {exception.Message}", exception);
        }
    }

    /// <summary>What an entry is expanded to, of the length that the archive says: a header is compared with it before there is room for its elements.</summary>
    private sealed class EntryStream(Stream expanded, long length) : Stream
    {
        private long _position;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => length;

        public override long Position
        {
            get => _position;
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            int read = expanded.Read(buffer[..(int)Math.Min(buffer.Length, length - _position)]);
            _position += read;
            return read;
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                expanded.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
