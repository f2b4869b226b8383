namespace OnnxStream.Interop.Weights;

/// <summary>The memory of a stream for ranges that are read when they are acquired: those of about a megabyte into buffers, others into an area for all that is in use at once.</summary>
internal sealed unsafe class ReadMemory : IDisposable
{
    private const int None = -1;

    // Pages that are let go cost time when they are touched again. Where one of the next ranges is large, too, they stay.
    private const int RangesAhead = 4;

    private readonly IReadOnlyList<WeightRange> _schedule;
    private readonly StreamTraits _traits;
    private readonly WeightBuffers? _buffers;
    private readonly WeightArea _area;
    private readonly int[] _bufferOf;
    private readonly nint[] _addresses;

    /// <summary>Reserves the memory.</summary>
    /// <param name="schedule">The ranges in order of use.</param>
    /// <param name="traits">Which of them go into buffers.</param>
    /// <param name="buffers">The number of buffers.</param>
    /// <param name="areaBytes">The size of the area.</param>
    public ReadMemory(IReadOnlyList<WeightRange> schedule, StreamTraits traits, int buffers, long areaBytes)
    {
        _schedule = schedule;
        _traits = traits;
        _bufferOf = new int[schedule.Count];
        Array.Fill(_bufferOf, None);
        _addresses = new nint[schedule.Count];
        if (buffers > 0 && traits.BufferBytes(schedule) is > 0 and long bytes)
        {
            _buffers = new WeightBuffers(buffers, bytes);
        }

        try
        {
            _area = new WeightArea(areaBytes);
        }
        catch
        {
            _buffers?.Dispose();
            throw;
        }
    }

    /// <summary>Memory for range <paramref name="index"/>. Callable from several threads.</summary>
    public byte* Take(int index)
    {
        WeightRange range = _schedule[index];
        if (_buffers is not null && _traits.Copies(range) && _buffers.TryTake() is >= 0 and int buffer)
        {
            _bufferOf[index] = buffer;
            return _buffers.Address(buffer);
        }

        byte* bytes = _area.Take(range);
        _addresses[index] = (nint)bytes;
        return bytes;
    }

    /// <summary>Gives the memory of range <paramref name="index"/> back.</summary>
    public void Return(int index)
    {
        if (_bufferOf[index] is >= 0 and int buffer)
        {
            _bufferOf[index] = None;
            _buffers!.Return(buffer);
            return;
        }

        _area.Return((byte*)_addresses[index], discards: IsLarge(index) && !Enumerable.Range(index + 1, Math.Min(RangesAhead, _schedule.Count - index - 1)).Any(IsLarge));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _buffers?.Dispose();
        _area.Dispose();
    }

    private bool IsLarge(int index) => _schedule[index].Length > _traits.CopiedBytes;
}
