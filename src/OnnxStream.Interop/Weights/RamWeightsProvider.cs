using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Weights;

/// <summary>Weights that are read once and kept, shared by all sessions that use this provider.</summary>
internal sealed unsafe class RamWeightsProvider(WeightsProvider? source) : WeightsProvider(0)
{
    private static readonly FileWeightsProvider s_files = new(0);

    // XNNPACK may read a few bytes past the end of what it is given.
    private const int Padding = 64;

    private readonly Dictionary<WeightRange, NativeBuffer> _buffers = [];
    private readonly Lock _lock = new();
    private int _openStreams;
    private bool _disposed;

    /// <inheritdoc/>
    public override void Read(in WeightRange range, Span<byte> destination) =>
        new ReadOnlySpan<byte>(Get(range), destination.Length).CopyTo(destination);

    /// <summary>The memory that a range takes.</summary>
    public static long HeldBytes(WeightRange range) => range.Length + Padding;

    /// <summary>The bytes of a range, read at the first call and kept until the provider and all sessions that use it are disposed.</summary>
    public byte* Get(in WeightRange range) => Buffer(range).Pointer;

    // Everybody's memory, which each session that uses it is charged for.
    private NativeBuffer Buffer(in WeightRange range)
    {
        lock (_lock)
        {
            if (!_buffers.TryGetValue(range, out NativeBuffer? buffer))
            {
                using MemoryAccount.Scope scope = MemoryAccount.Enter(null);
                buffer = new NativeBuffer(HeldBytes(range));
                try
                {
                    BufferedWeightStream.ReadInto(source ?? s_files, range, buffer.Pointer);
                }
                catch (Exception exception)
                {
                    buffer.Dispose();
                    throw BufferedWeightStream.Wrap(exception, range);
                }

                _buffers.Add(range, buffer);
            }

            return buffer;
        }
    }

    /// <inheritdoc/>
    internal override StreamTraits Traits => new(ReadsParts: true, CopiedBytes: 0);

    /// <inheritdoc/>
    internal override bool HoldsWeights => true;

    /// <inheritdoc/>
    internal override WeightStream OpenStream(IReadOnlyList<WeightRange> schedule, IReadOnlyList<PartlyReadWeight> parts, long windowBytes, int buffers = 0, WeightMemory memory = default)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _openStreams++;
            return new RamWeightStream(this, schedule, parts);
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

    private sealed class RamWeightStream(RamWeightsProvider provider, IReadOnlyList<WeightRange> schedule, IReadOnlyList<PartlyReadWeight> parts) : WeightStream(schedule, parts)
    {
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
            NativeBuffer buffer = provider.Buffer(range);
            _account?.Share(range, HeldBytes(range));
            return buffer.Pointer;
        }
    }
}
