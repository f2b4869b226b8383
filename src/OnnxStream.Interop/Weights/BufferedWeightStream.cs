using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Weights;

/// <summary>Ranges that a provider reads into buffers: ahead of use in a thread, or at use where the thread has not come yet.</summary>
internal sealed unsafe class BufferedWeightStream : WeightStream
{
    private readonly WeightsProvider _provider;
    private readonly Slot[] _slots;
    private readonly ReadAhead? _readAhead;

    /// <summary>Makes a stream; nothing is read before a run begins.</summary>
    public BufferedWeightStream(WeightsProvider provider, IReadOnlyList<WeightRange> schedule, IReadOnlyList<PartlyReadWeight> parts, long windowBytes)
        : base(schedule, parts)
    {
        _provider = provider;
        _slots = new Slot[schedule.Count];
        for (int i = 0; i < _slots.Length; i++)
        {
            _slots[i] = new Slot();
        }

        if (windowBytes > 0 && schedule.Count > 0)
        {
            _readAhead = new ReadAhead(schedule, windowBytes, Load);
        }
    }

    /// <inheritdoc/>
    public override void BeginRun()
    {
        base.BeginRun();
        _readAhead?.Begin();
    }

    /// <inheritdoc/>
    public override void Release(int index)
    {
        Slot slot = _slots[index];
        lock (slot)
        {
            slot.Free();
        }

        _readAhead?.Released(index);
    }

    /// <inheritdoc/>
    public override void Skip(int index)
    {
        _readAhead?.Used(index);
        Release(index);
    }

    /// <inheritdoc/>
    public override void EndRun()
    {
        _readAhead?.End();
        foreach (Slot slot in _slots)
        {
            lock (slot)
            {
                slot.Free();
            }
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _readAhead?.Dispose();
        foreach (Slot slot in _slots)
        {
            slot.Free();
        }
    }

    /// <inheritdoc/>
    protected override byte* AcquireCore(int index)
    {
        _readAhead?.Used(index);
        Load(index);
        Slot slot = _slots[index];
        if (slot.Failure is { } failure)
        {
            slot.Failure = null;
            throw Wrap(failure, Schedule[index]);
        }

        return slot.Buffer!.Pointer;
    }

    /// <inheritdoc/>
    protected override void ReadPartCore(int index, in WeightRange part, Span<byte> destination)
    {
        try
        {
            _provider.Read(part, destination);
        }
        catch (Exception exception) when (exception is not OnnxStreamException)
        {
            throw Wrap(exception, part);
        }
    }

    /// <summary>What an exception of a provider becomes.</summary>
    internal static OnnxStreamException Wrap(Exception failure, in WeightRange range) =>
        failure as OnnxStreamException ?? new WeightsException($"Weight '{range.Name}' could not be read: {failure.Message}", failure);

    private void Load(int index)
    {
        Slot slot = _slots[index];
        lock (slot)
        {
            if (slot.Buffer is not null)
            {
                return;
            }

            NativeBuffer? buffer = null;
            try
            {
                // XNNPACK may read a few bytes past the end of what it is given.
                WeightRange range = Schedule[index];
                buffer = new NativeBuffer(StreamTraits.ResidentBytes(range));
                ReadInto(_provider, range, buffer.Pointer);
                slot.Buffer = buffer;
                slot.Failure = null;
            }
#pragma warning disable CA1031 // kept for the thread that needs the weight
            catch (Exception exception)
#pragma warning restore CA1031
            {
                buffer?.Dispose();
                slot.Failure = exception;
            }
        }
    }

    /// <summary>Reads a range of any length in pieces that a span can hold.</summary>
    internal static void ReadInto(WeightsProvider provider, in WeightRange range, byte* destination)
    {
        const int Piece = 1 << 30;
        for (long done = 0; done < range.Length; done += Piece)
        {
            int length = (int)Math.Min(Piece, range.Length - done);
            provider.Read(range.Slice(done, length), new Span<byte>(destination + done, length));
        }
    }

    private sealed class Slot
    {
        public NativeBuffer? Buffer { get; set; }

        public Exception? Failure { get; set; }

        public void Free()
        {
            Buffer?.Dispose();
            Buffer = null;
            Failure = null;
        }
    }
}
