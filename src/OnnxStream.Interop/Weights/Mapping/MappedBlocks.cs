using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Weights;

/// <summary>The parts of mapped files that are resident: those that are in use, and some that were until a moment ago.</summary>
/// <remarks>
/// <para>
/// Files come and go in blocks of what one entry of a page table's upper level maps. Where the system's cache holds a file in pieces of that
/// size, mapping one costs a microsecond; panel by panel it costs as much as copying the bytes.
/// </para>
/// <para>
/// Every time that pages go, all processors that compute are interrupted. So blocks that nobody uses stay until new ones need their place,
/// and then go together.
/// </para>
/// <para>
/// Where a provider lets pages stay, those that came first do: a model's weights are used in turn, so the one that was used last is needed last.
/// </para>
/// </remarks>
internal sealed class MappedBlocks : IDisposable
{
    /// <summary>The size of a block; at the ends of a mapping there are smaller ones.</summary>
    public const long BlockBytes = 2 << 20;

    /// <summary>Panels that are less bytes than this in all are read: that takes less memory, and hardly more time.</summary>
    public const long WorthMapping = 16 << 20;

    /// <summary>The runs after which pages stay. Plans that run a few times, such as those for a prompt, keep nothing.</summary>
    public const int RunsBeforeKeeping = 16;

    private readonly long _mostBytes;
    private readonly long _mostKeptBytes;
    private readonly Lock _lock = new();
    private readonly MemoryAccount? _account = MemoryAccount.Current;

    // The resident blocks, and how many ranges in use they hold bytes of.
    private readonly Dictionary<Block, int> _users = [];
    private readonly List<Block> _unused = [];
    private long _residentBytes;

    // Those that stay although nobody uses them. They are not counted.
    private readonly HashSet<Block> _kept = [];
    private long _keptBytes;
    private int _runs;

    /// <summary>Starts with nothing resident.</summary>
    /// <param name="mostBytes">What may be resident. Only ranges that are in use at once exceed it.</param>
    /// <param name="mostKeptBytes">What may stay beside that when nobody uses it.</param>
    public MappedBlocks(long mostBytes, long mostKeptBytes = 0)
    {
        _mostBytes = mostBytes;
        _mostKeptBytes = mostKeptBytes;
    }

    /// <summary>The most bytes that become resident for a range, wherever it begins.</summary>
    public static long MostBytes(in WeightRange range) => ((range.Length + XnnpackLibrary.ReadPastEnd - 1 + BlockBytes - 1) / BlockBytes + 1) * BlockBytes;

    /// <summary>The bytes of the pages that hold so many bytes.</summary>
    public static long RoundToPages(long bytes)
    {
        long page = Environment.SystemPageSize;
        return (bytes + page - 1) / page * page;
    }

    /// <summary>Says that a run begins.</summary>
    public void BeginRun() => _runs = Math.Min(_runs + 1, RunsBeforeKeeping + 1);

    /// <summary>Makes a range resident. Callable from several threads.</summary>
    /// <param name="file">A file that is mapped.</param>
    /// <param name="start">Where the range begins in the mapping.</param>
    /// <param name="length">Its length in bytes.</param>
    /// <returns>False if the system cannot; nothing has changed then.</returns>
    public unsafe bool TryTake(OpenWeightFile file, byte* start, long length)
    {
        lock (_lock)
        {
            long added = 0;
            foreach (Block block in Blocks(file, start, length))
            {
                if (_users.TryGetValue(block, out int users))
                {
                    _users[block] = users + 1;
                    if (users == 0)
                    {
                        _unused.Remove(block);
                    }
                }
                else
                {
                    added += block.Bytes;
                }
            }

            if (_residentBytes + added > _mostBytes)
            {
                LetUnusedGo();
            }

            foreach (Block block in Blocks(file, start, length))
            {
                if (_users.TryAdd(block, 1) && _kept.Remove(block))
                {
                    _keptBytes -= block.Bytes;
                }
            }

            _residentBytes += added;
            CountedMemory.CountMapped(added, _account);
        }

        if (OperatingSystemMemory.TryPopulate(start, length))
        {
            return true;
        }

        Return(file, start, length);
        return false;
    }

    /// <summary>Says that a range is not used any more.</summary>
    public unsafe void Return(OpenWeightFile file, byte* start, long length)
    {
        foreach (Block block in Blocks(file, start, length))
        {
            Return(block);
        }
    }

    /// <summary>Lets everything go that nobody uses.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            LetUnusedGo();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            _runs = 0;
            LetUnusedGo();
            foreach (Block block in _kept)
            {
                Discard(block.Start, block.Bytes);
            }

            _kept.Clear();
            _keptBytes = 0;
        }
    }

    private static unsafe BlockEnumerator Blocks(OpenWeightFile file, byte* start, long length) =>
        new(file, (long)start / BlockBytes, ((long)start + length + XnnpackLibrary.ReadPastEnd - 1) / BlockBytes);

    private void Return(Block block)
    {
        lock (_lock)
        {
            if (--_users[block] == 0)
            {
                _unused.Add(block);
            }
        }
    }

    private void LetUnusedGo()
    {
        int count = 0;
        for (int i = 0; i < _unused.Count; i++)
        {
            if (!TryKeep(_unused[i]))
            {
                _unused[count++] = _unused[i];
            }
        }

        for (int next = 0; next < count;)
        {
            // Neighbours go with one call.
            Block first = _unused[next];
            long bytes = 0;
            for (; next < count && _unused[next].Start == first.Start + bytes; next++)
            {
                bytes += _unused[next].Bytes;
                _users.Remove(_unused[next]);
            }

            Discard(first.Start, bytes);
            _residentBytes -= bytes;
            CountedMemory.CountMapped(-bytes, _account);
        }

        _unused.Clear();
    }

    private bool TryKeep(Block block)
    {
        if (_runs <= RunsBeforeKeeping || _keptBytes + block.Bytes > _mostKeptBytes)
        {
            return false;
        }

        _users.Remove(block);
        _kept.Add(block);
        _keptBytes += block.Bytes;
        _residentBytes -= block.Bytes;
        CountedMemory.CountMapped(-block.Bytes, _account);
        return true;
    }

    private static unsafe void Discard(nint start, long bytes) => OperatingSystemMemory.Discard((byte*)start, bytes);

    // Part of a mapping; at its ends less than a whole block.
    private readonly record struct Block(nint Start, long Bytes);

    private struct BlockEnumerator(OpenWeightFile file, long first, long last)
    {
        private long _index = first - 1;

        public readonly unsafe Block Current
        {
            get
            {
                long start = Math.Max(_index * BlockBytes, (long)file.Start);
                return new Block((nint)start, Math.Min((_index + 1) * BlockBytes, (long)file.Start + RoundToPages(file.Length)) - start);
            }
        }

        public readonly BlockEnumerator GetEnumerator() => this;

        public bool MoveNext() => ++_index <= last;
    }
}
