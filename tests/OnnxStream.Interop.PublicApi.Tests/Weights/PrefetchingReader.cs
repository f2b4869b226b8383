using System.Buffers;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.PublicApi.Tests.Weights;

/// <summary>The reader of a <see cref="PrefetchingProvider"/>: a queue of ranges that its thread fills and those that compute empty.</summary>
internal sealed class PrefetchingReader : ScheduledReader
{
    private readonly object _lock = new();
    private readonly byte[]?[] _ready;
    private readonly Exception?[] _failures;
    private readonly bool[] _isTaken;
    private readonly int[] _timesRead;
    private readonly long _windowBytes;
    private readonly Thread _thread;
    private long _heldBytes;
    private int _next;
    private bool _isRunning;
    private bool _isFetching;
    private bool _isDisposed;

    public PrefetchingReader(IReadOnlyList<WeightRange> schedule, long windowBytes)
    {
        Schedule = schedule;
        _windowBytes = windowBytes;
        _ready = new byte[schedule.Count][];
        _failures = new Exception[schedule.Count];
        _isTaken = new bool[schedule.Count];
        _timesRead = new int[schedule.Count];
        _thread = new Thread(Fetch) { IsBackground = true };
        _thread.Start();
    }

    public IReadOnlyList<WeightRange> Schedule { get; }

    /// <summary>How often each range was handed over.</summary>
    public IReadOnlyList<int> TimesRead => _timesRead;

    public long MostHeldBytes { get; private set; }

    public bool IsDisposed => _isDisposed;

    public override void BeginRun()
    {
        lock (_lock)
        {
            _next = 0;
            Array.Clear(_isTaken);
            _isRunning = true;
            Monitor.PulseAll(_lock);
        }
    }

    public override void Read(int index, long offset, Span<byte> destination)
    {
        byte[]? bytes;
        lock (_lock)
        {
            // What the thread has not come to is read here.
            _timesRead[index]++;
            _isTaken[index] = true;
            while (_isFetching && _next - 1 == index)
            {
                Monitor.Wait(_lock);
            }

            bytes = _ready[index];
        }

        if (bytes is null)
        {
            if (_failures[index] is { } failure)
            {
                throw failure;
            }

            Schedule[index].Slice(offset, destination.Length).Read(destination);
            return;
        }

        bytes.AsSpan((int)offset, destination.Length).CopyTo(destination);
        lock (_lock)
        {
            Free(index);
            Monitor.PulseAll(_lock);
        }
    }

    public override void EndRun()
    {
        lock (_lock)
        {
            _isRunning = false;
            while (_isFetching)
            {
                Monitor.Wait(_lock);
            }

            for (int i = 0; i < _ready.Length; i++)
            {
                Free(i);
                _failures[i] = null;
            }
        }
    }

    protected override void Dispose(bool disposing)
    {
        lock (_lock)
        {
            _isDisposed = true;
            Monitor.PulseAll(_lock);
        }

        _thread.Join();
        base.Dispose(disposing);
    }

    private void Free(int index)
    {
        if (_ready[index] is { } bytes)
        {
            _heldBytes -= Schedule[index].Length;
            ArrayPool<byte>.Shared.Return(bytes);
            _ready[index] = null;
        }
    }

    private void Fetch()
    {
        while (true)
        {
            int index;
            lock (_lock)
            {
                while (!_isDisposed && !(_isRunning && _next < Schedule.Count && (_isTaken[_next] || _heldBytes + Schedule[_next].Length <= _windowBytes)))
                {
                    Monitor.Wait(_lock);
                }

                if (_isDisposed)
                {
                    return;
                }

                index = _next++;
                if (_isTaken[index])
                {
                    continue;
                }

                _heldBytes += Schedule[index].Length;
                MostHeldBytes = Math.Max(MostHeldBytes, _heldBytes);
                _isFetching = true;
            }

            byte[] bytes = ArrayPool<byte>.Shared.Rent((int)Schedule[index].Length);
            Exception? failure = null;
            try
            {
                Schedule[index].Read(bytes.AsSpan(0, (int)Schedule[index].Length));
            }
            catch (OnnxStreamException exception)
            {
                failure = exception;
            }

            lock (_lock)
            {
                _ready[index] = bytes;
                if (failure is not null)
                {
                    _failures[index] = failure;
                    Free(index);
                }

                _isFetching = false;
                Monitor.PulseAll(_lock);
            }
        }
    }
}
