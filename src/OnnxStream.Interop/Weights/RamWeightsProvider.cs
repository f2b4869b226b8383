using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Weights;

/// <summary>Weights that are read once and kept, shared by all sessions that use this provider.</summary>
internal sealed unsafe class RamWeightsProvider(WeightsProvider? origin) : WeightsProvider(0)
{
    private static readonly FileWeightsProvider s_sources = new(0);

    private readonly Dictionary<Key, NativeBuffer> _buffers = [];
    private readonly Lock _lock = new();
    private int _openStreams;
    private bool _disposed;

    /// <inheritdoc/>
    public override bool ReadsParts => true;

    /// <summary>The memory that a range takes, in bytes.</summary>
    public static long HeldBytes(WeightRange range) => range.Length + XnnpackLibrary.ReadPastEnd;

    /// <summary>Copies a range that is kept; others are read and not kept.</summary>
    public override void Read(in WeightRange range, Span<byte> destination)
    {
        Key key = new(range, range.Source.CheckedVersion());
        lock (_lock)
        {
            if (_buffers.TryGetValue(key, out NativeBuffer? buffer))
            {
                new ReadOnlySpan<byte>(buffer.Pointer, destination.Length).CopyTo(destination);
                return;
            }
        }

        Origin(range).Read(range, destination);
    }

    /// <inheritdoc/>
    internal override StreamTraits Traits => new(ReadsParts, CopiedBytes: 0) { LocalRoute = WeightRoute.Slot, OtherRoute = WeightRoute.Slot };

    /// <inheritdoc/>
    internal override bool HoldsWeights => true;

    /// <inheritdoc/>
    internal override WeightStream OpenStream(IReadOnlyList<WeightRange> schedule, IReadOnlyList<PartlyReadWeight> parts, long windowBytes, int buffers = 0, WeightMemory memory = default)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            RamWeightStream stream = new(this, schedule, parts);
            _openStreams++;
            return stream;
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        lock (_lock)
        {
            _disposed = true;
            FreeUnused();
        }

        base.Dispose(disposing);
    }

    // The bytes of a range, read at the first call and kept until the provider and all sessions that use it are disposed.
    private byte* Get(in WeightRange range, string version)
    {
        Key key = new(range, version);
        lock (_lock)
        {
            if (!_buffers.TryGetValue(key, out NativeBuffer? buffer))
            {
                // Everybody's memory, which each session that uses it is charged for.
                using (MemoryAccount.Enter(null))
                {
                    buffer = new NativeBuffer(HeldBytes(range));
                }

                try
                {
                    SlotChannel.ReadInto(Origin(range), range, buffer.Pointer);
                    if (range.Source.CheckedVersion() is var now && now != version)
                    {
                        throw new WeightsException($"{range.Source}: the source had the version '{version}' when it was opened and has '{now}' now. Weights must not change while a model is in use; open the model again.");
                    }
                }
                catch (Exception exception)
                {
                    buffer.Dispose();
                    throw range.Failure(exception);
                }

                _buffers.Add(key, buffer);
            }

            return buffer.Pointer;
        }
    }

    // A panel store is no file of the user's.
    private WeightsProvider Origin(in WeightRange range) => origin is null || range.Source.IsPanelStore ? s_sources : origin;

    private void CloseStream()
    {
        lock (_lock)
        {
            _openStreams--;
            FreeUnused();
        }
    }

    // A session may outlive the provider, and computes with these very bytes.
    private void FreeUnused()
    {
        if (!_disposed || _openStreams > 0)
        {
            return;
        }

        foreach (NativeBuffer buffer in _buffers.Values)
        {
            buffer.Dispose();
        }

        _buffers.Clear();
    }

    // The same bytes of the same file are one, whichever model they are opened with.
    private readonly record struct Key(string Source, string Version, long Offset, long Length)
    {
        public Key(in WeightRange range, string version)
            : this(range.Source.Id, version, range.Offset, range.Length)
        {
        }
    }

    private sealed class RamWeightStream(RamWeightsProvider provider, IReadOnlyList<WeightRange> schedule, IReadOnlyList<PartlyReadWeight> parts) : WeightStream(schedule, parts)
    {
        private readonly Dictionary<WeightSource, string> _versions = schedule.Concat(parts.Select(part => part.Range)).Select(range => range.Source).Distinct().ToDictionary(source => source, source => source.CheckedVersion());
        private readonly MemoryAccount? _account = MemoryAccount.Current;
        private bool _disposed;

        public override void Release(int index)
        {
        }

        public override void EndRun()
        {
        }

        public override void Dispose()
        {
            if (!_disposed)
            {
                _disposed = true;
                provider.CloseStream();
            }
        }

        protected override byte* AcquireCore(int index) => Charged(Schedule[index]);

        protected override void ReadPartCore(int index, in WeightRange part, Span<byte> destination) =>
            new ReadOnlySpan<byte>(Charged(Parts[index].Range) + (part.Offset - Parts[index].Range.Offset), destination.Length).CopyTo(destination);

        private byte* Charged(in WeightRange range)
        {
            byte* bytes = provider.Get(range, _versions[range.Source]);
            _account?.Share(range, HeldBytes(range));
            return bytes;
        }
    }
}
