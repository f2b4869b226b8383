using Microsoft.Win32.SafeHandles;

namespace OnnxStream.Interop.Weights;

/// <summary>A local file.</summary>
/// <remarks>
/// It holds nothing: <see cref="Read"/> opens the file and closes it, and sessions with a provider of the library open it for as long as they live.
/// A link stands for the file that it leads to.
/// </remarks>
public sealed class FileSource : WeightSource
{
    /// <summary>Names a file, which is not opened.</summary>
    /// <param name="path">The file; it need not be absolute, and its absolute path becomes the <see cref="WeightSource.Id"/>.</param>
    public FileSource(string path)
        : base(Path.GetFullPath(path))
    {
    }

    /// <summary>The length of the file as it is now.</summary>
    /// <exception cref="IOException">There is no such file.</exception>
    /// <remarks>The file is not opened for it: what is no file at all, such as a pipe, would let nobody go on. It has no length.</remarks>
    public override long Length => Find().Length;

    /// <summary>The length of the file and the time of its last change.</summary>
    /// <exception cref="IOException">There is no such file.</exception>
    public override string Version
    {
        get
        {
            FileInfo file = Find();
            return $"{file.Length}@{file.LastWriteTimeUtc.Ticks}";
        }
    }

    /// <summary>The file.</summary>
    public override string LocalPath => Id;

    /// <inheritdoc/>
    /// <exception cref="EndOfStreamException">The file ends before the last byte.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file must not be read.</exception>
    public override void Read(long offset, Span<byte> destination)
    {
        if (destination.Length == 0)
        {
            return;
        }

        using SafeFileHandle file = File.OpenHandle(Id);
        while (destination.Length > 0)
        {
            int count = RandomAccess.Read(file, destination, offset);
            if (count == 0)
            {
                throw new EndOfStreamException($"the file ends at byte {RandomAccess.GetLength(file):N0}, and byte {offset:N0} is wanted");
            }

            destination = destination[count..];
            offset += count;
        }
    }

    /// <summary>Whether there is such a file. A link that leads to none, or to itself, is none.</summary>
    internal bool Exists
    {
        get
        {
            try
            {
                return Find().Exists;
            }
            catch (IOException)
            {
                return false;
            }
        }
    }

    /// <inheritdoc/>
    internal override Stream OpenStream() => new FileStream(Id, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);

    private FileInfo Find()
    {
        FileInfo file = new(Id);
        return file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file;
    }
}
