using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Weights;

/// <summary>A thread that works through the ranges of a stream ahead of use, never holding more than a window of bytes.</summary>
/// <remarks>
/// The thread lives as long as the stream and sleeps between runs. What "fetch" means is the stream's; this class only
/// decides when. A range that is larger than the window is fetched when nothing else is held. What is fetched is charged to the account of the
/// thread that made the stream.
/// </remarks>
internal sealed class ReadAhead : IDisposable
{
    private const int None = -1;

    private readonly IReadOnlyList<WeightRange> _schedule;
    private readonly long _windowBytes;
    private readonly Action<int> _fetch;
    private readonly Thread _thread;
    private readonly object _lock = new();
    private readonly MemoryAccount? _account = MemoryAccount.Current;
    private int _next;
    private long _heldBytes;
    private bool _running;
    private bool _isFull;
    private int _fetching = None;
    private bool _disposed;

    /// <summary>Starts the thread.</summary>
    /// <param name="schedule">The ranges in order of use.</param>
    /// <param name="windowBytes">The most bytes fetched and not yet released.</param>
    /// <param name="fetch">Brings range i in; must not throw.</param>
    public ReadAhead(IReadOnlyList<WeightRange> schedule, long windowBytes, Action<int> fetch)
    {
        _schedule = schedule;
        _windowBytes = windowBytes;
        _fetch = fetch;
        _thread = new Thread(Loop, maxStackSize: 256 << 10) { IsBackground = true, Name = "onnxstream read-ahead" };
        _thread.Start();
    }

    /// <summary>Starts at the first range.</summary>
    public void Begin()
    {
        lock (_lock)
        {
            _next = 0;
            _heldBytes = 0;
            _isFull = false;
            _running = true;
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Range <paramref name="index"/> is needed now: the thread has fetched it when this returns, or goes on behind it.</summary>
    public void Used(int index)
    {
        lock (_lock)
        {
            // A fetch that ends after the range was given back would bring in what nobody releases.
            while (_fetching == index)
            {
                Monitor.Wait(_lock);
            }

            for (; _next <= index; _next++)
            {
                _heldBytes += _schedule[_next].Length;
            }
        }
    }

    /// <summary>Range <paramref name="index"/> has been given back: its place in the window is free.</summary>
    public void Released(int index)
    {
        lock (_lock)
        {
            _heldBytes -= _schedule[index].Length;
            if (_isFull && _heldBytes <= _windowBytes / 2)
            {
                _isFull = false;
                Monitor.PulseAll(_lock);
            }
        }
    }

    /// <summary>Stops until the next <see cref="Begin"/>; returns when no fetch is under way.</summary>
    public void End()
    {
        lock (_lock)
        {
            _running = false;
            while (_fetching != None)
            {
                Monitor.Wait(_lock);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            _running = false;
            Monitor.PulseAll(_lock);
        }

        _thread.Join();
    }

    private void Loop()
    {
        using MemoryAccount.Scope scope = MemoryAccount.Enter(_account);
        while (true)
        {
            int index;
            lock (_lock)
            {
                while (!_disposed && !(_running && _next < _schedule.Count && !_isFull && Fits(_schedule[_next].Length)))
                {
                    // Woken for each range, the thread would take a processor from those that compute hundreds of times a second.
                    _isFull = _running && _next < _schedule.Count;
                    Monitor.Wait(_lock);
                }

                if (_disposed)
                {
                    return;
                }

                index = _next++;
                _heldBytes += _schedule[index].Length;
                _fetching = index;
            }

            _fetch(index);
            lock (_lock)
            {
                _fetching = None;
                Monitor.PulseAll(_lock);
            }
        }
    }

    private bool Fits(long length) => _heldBytes + length <= _windowBytes || (_heldBytes == 0 && _windowBytes > 0);
}
