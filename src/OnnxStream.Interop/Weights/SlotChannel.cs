using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Weights;

/// <summary>Ranges that a provider reads into memory of their own: ahead of use in a thread, or at use where the thread has not come yet.</summary>
internal sealed unsafe class SlotChannel : WeightChannel
{
    private readonly WeightsProvider _provider;
    private readonly IReadOnlyList<WeightRange> _schedule;
    private readonly Slot[] _slots;

    /// <summary>Makes a channel; nothing is read before a run begins.</summary>
    public SlotChannel(WeightsProvider provider, IReadOnlyList<WeightRange> schedule)
    {
        _provider = provider;
        _schedule = schedule;
        _slots = new Slot[schedule.Count];
        for (int i = 0; i < _slots.Length; i++)
        {
            _slots[i] = new Slot();
        }
    }

    /// <inheritdoc/>
    public override void Fetch(int index)
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
                WeightRange range = _schedule[index];
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

    /// <inheritdoc/>
    public override byte* Acquire(int index)
    {
        Fetch(index);
        Slot slot = _slots[index];
        if (slot.Failure is { } failure)
        {
            slot.Failure = null;
            throw _schedule[index].Failure(failure);
        }

        return slot.Buffer!.Pointer;
    }

    /// <inheritdoc/>
    public override void Release(int index)
    {
        Slot slot = _slots[index];
        lock (slot)
        {
            slot.Free();
        }
    }

    /// <inheritdoc/>
    public override void Skip(int index) => Release(index);

    /// <inheritdoc/>
    public override void ReadPart(int index, in WeightRange part, Span<byte> destination) => _provider.ReadRange(part, destination);

    /// <inheritdoc/>
    public override void EndRun()
    {
        foreach (Slot slot in _slots)
        {
            lock (slot)
            {
                slot.Free();
            }
        }
    }

    /// <inheritdoc/>
    public override void Dispose() => EndRun();

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
