namespace OnnxStream.Interop.Http;

/// <summary>Reads bytes of a file into its destination.</summary>
internal delegate void BlockReader(long offset, Span<byte> destination);

/// <summary>The blocks of a file that small reads touched last: a model's graph is read in pieces of some bytes, and its small tensors lie beside each other.</summary>
/// <param name="length">The bytes of the file.</param>
/// <param name="read">Reads bytes of it.</param>
internal sealed class BlockCache(long length, BlockReader read)
{
    /// <summary>The bytes of a block.</summary>
    public const int BlockBytes = 64 << 10;

    /// <summary>The most blocks that are kept: one MiB for each file.</summary>
    public const int MostBlocks = 16;

    private readonly Lock _lock = new();
    private readonly LinkedList<(long Index, byte[] Bytes)> _blocks = new();

    /// <summary>Copies bytes. Callable from any thread.</summary>
    /// <param name="offset">The first byte.</param>
    /// <param name="destination">Receives the bytes, which the file has.</param>
    public void Read(long offset, Span<byte> destination)
    {
        lock (_lock)
        {
            while (destination.Length > 0)
            {
                byte[] block = Find(offset / BlockBytes);
                int start = (int)(offset % BlockBytes);
                int count = Math.Min(destination.Length, block.Length - start);
                block.AsSpan(start, count).CopyTo(destination);
                destination = destination[count..];
                offset += count;
            }
        }
    }

    private byte[] Find(long index)
    {
        for (LinkedListNode<(long Index, byte[] Bytes)>? node = _blocks.First; node is not null; node = node.Next)
        {
            if (node.Value.Index == index)
            {
                _blocks.Remove(node);
                _blocks.AddFirst(node);
                return node.Value.Bytes;
            }
        }

        byte[] bytes = new byte[Math.Min(BlockBytes, length - index * BlockBytes)];
        read(index * BlockBytes, bytes);
        if (_blocks.Count == MostBlocks)
        {
            _blocks.RemoveLast();
        }

        _blocks.AddFirst((index, bytes));
        return bytes;
    }
}
