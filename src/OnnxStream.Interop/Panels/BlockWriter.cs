using Microsoft.Win32.SafeHandles;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Panels;

/// <summary>Writes pieces of a file that come in any order, gathered to whole blocks where there is memory for it.</summary>
/// <remarks>
/// The system's cache keeps a file in the pieces in which it was written, if the file system can (ext4 since Linux 6.16, XFS since 5.18). A block is as
/// large as the largest of them, so that mapping what was written is one entry in a page table (<see cref="MappedBlocks"/>).
/// </remarks>
internal sealed unsafe class BlockWriter : IDisposable
{
    /// <summary>The size of a block.</summary>
    public const int BlockBytes = (int)MappedBlocks.BlockBytes;

    private readonly SafeFileHandle _file;
    private readonly Block[] _blocks;
    private readonly Stack<NativeBuffer> _free = [];
    private readonly List<NativeBuffer> _buffers = [];

    /// <summary>Starts with nothing written.</summary>
    /// <param name="file">The file.</param>
    /// <param name="pieces">Everything that will be written, once each; pieces do not overlap.</param>
    /// <param name="buffers">How many blocks may be gathered at once.</param>
    public BlockWriter(SafeFileHandle file, IReadOnlyList<(long Offset, long Length)> pieces, int buffers)
    {
        _file = file;
        long end = pieces.Count == 0 ? 0 : pieces.Max(piece => piece.Offset + piece.Length);
        _blocks = new Block[(end + BlockBytes - 1) / BlockBytes];
        for (int i = 0; i < _blocks.Length; i++)
        {
            _blocks[i] = new Block { First = BlockBytes };
        }

        foreach ((long offset, long length) in pieces)
        {
            for (long done = 0; done < length;)
            {
                Block block = _blocks[(offset + done) / BlockBytes];
                int start = (int)((offset + done) % BlockBytes);
                int count = (int)Math.Min(BlockBytes - start, length - done);
                block.Missing += count;
                block.First = Math.Min(block.First, start);
                block.End = Math.Max(block.End, start + count);
                done += count;
            }
        }

        try
        {
            for (int i = 0; i < Math.Min(buffers, _blocks.Length); i++)
            {
                _buffers.Add(new NativeBuffer(BlockBytes));
                _free.Push(_buffers[^1]);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Writes one of the pieces, or keeps it until its block is complete. Callable from several threads.</summary>
    /// <exception cref="IOException">The disk is full or fails.</exception>
    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            Block block = _blocks[offset / BlockBytes];
            int start = (int)(offset % BlockBytes);
            int count = Math.Min(BlockBytes - start, bytes.Length);
            NativeBuffer? buffer;
            lock (_free)
            {
                // What has begun without a buffer goes on without.
                if (!block.HasBegun && _free.TryPop(out buffer))
                {
                    block.Buffer = buffer;
                    new Span<byte>(buffer.Pointer, BlockBytes).Clear();
                }

                block.HasBegun = true;
                buffer = block.Buffer;
            }

            if (buffer is null)
            {
                RandomAccess.Write(_file, bytes[..count], offset);
            }
            else
            {
                bytes[..count].CopyTo(new Span<byte>(buffer.Pointer + start, count));
                if (Interlocked.Add(ref block.Missing, -count) == 0)
                {
                    RandomAccess.Write(_file, new ReadOnlySpan<byte>(buffer.Pointer + block.First, block.End - block.First), offset - start + block.First);
                    lock (_free)
                    {
                        _free.Push(buffer);
                    }
                }
            }

            offset += count;
            bytes = bytes[count..];
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (NativeBuffer buffer in _buffers)
        {
            buffer.Dispose();
        }
    }

    private sealed class Block
    {
        // Bytes that have not come yet.
        public int Missing;

        public int First { get; set; }

        public int End { get; set; }

        public bool HasBegun { get; set; }

        public NativeBuffer? Buffer { get; set; }
    }
}
