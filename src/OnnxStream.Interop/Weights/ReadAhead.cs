using System.Runtime.CompilerServices;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Weights;

/// <summary>A thread that works through the ranges of a stream ahead of use, never holding more than a window of bytes.</summary>
/// <remarks>
/// <para>
/// The thread lives as long as the stream and sleeps between runs. What "fetch" means is the stream's; this class only
/// decides when. A range that is larger than the window is fetched when nothing else is held. What is fetched is charged to the account of the
/// thread that made the stream.
/// </para>
/// <para>
/// Layers differ: some compute for a tenth of a second with a megabyte of weights, others need a hundred megabytes in that time. Where what is
/// fetched is nobody's memory, the window follows: it doubles when a range is still on its way as it is needed, and halves when the system has
/// dropped a range that had been fetched.
/// </para>
/// <para>
/// Where the system refuses a thread, nothing is read ahead: every range is read when it is used. Between runs the thread knows nothing of the stream, so that
/// a stream that was forgotten is collected, and the thread then ends.
/// </para>
/// </remarks>
internal sealed class ReadAhead : IDisposable
{
    private const int None = -1;

    private readonly IReadOnlyList<WeightRange> _schedule;
    private readonly long _leastBytes;
    private readonly Func<long>? _mostBytes;
    private readonly Action<int> _fetch;
    private readonly Inbox _inbox = new();
    private readonly object _gate;
    private readonly Thread? _thread;
    private long _windowBytes;
    private int _next;
    private long _heldBytes;
    private bool _isFull;
    private int _fetching = None;

    /// <summary>Starts the thread.</summary>
    /// <param name="schedule">The ranges in order of use.</param>
    /// <param name="windowBytes">The most bytes fetched and not yet released.</param>
    /// <param name="fetch">Brings range i in. Where it throws, nothing more is fetched in this run: whoever needs the range meets the same failure, and can tell it.</param>
    /// <param name="mostBytes">How large the window may become, asked whenever it is to grow; null if it never does.</param>
    public ReadAhead(IReadOnlyList<WeightRange> schedule, long windowBytes, Action<int> fetch, Func<long>? mostBytes = null)
    {
        _schedule = schedule;
        _windowBytes = windowBytes;
        _leastBytes = windowBytes;
        _mostBytes = mostBytes;
        _fetch = fetch;
        _gate = _inbox.Gate;
        _thread = TryStart(_inbox, MemoryAccount.Current);
    }

    /// <summary>Ends the thread of a stream that was forgotten.</summary>
    ~ReadAhead() => _inbox.Close();

    /// <summary>Refuses threads, as a system at its limit does. For tests.</summary>
    internal static bool RefusesThreads { get; set; }

    /// <summary>Whether there is a thread that reads ahead.</summary>
    internal bool HasThread => _thread is not null;

    /// <summary>The most bytes that are fetched and not yet released, now.</summary>
    internal long WindowBytes
    {
        get
        {
            lock (_gate)
            {
                return _windowBytes;
            }
        }
    }

    /// <summary>Starts at the first range.</summary>
    public void Begin()
    {
        if (_thread is null)
        {
            return;
        }

        lock (_gate)
        {
            _next = 0;
            _heldBytes = 0;
            _isFull = false;
            _inbox.Running = this;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Range <paramref name="index"/> is needed now: the thread has fetched it when this returns, or goes on behind it.</summary>
    /// <returns>Whether it had been fetched before.</returns>
    public bool Used(int index)
    {
        lock (_gate)
        {
            // A fetch that ends after the range was given back would bring in what nobody releases.
            while (_fetching == index)
            {
                Monitor.Wait(_gate);
            }

            bool wasFetched = _next > index;
            for (; _next <= index; _next++)
            {
                _heldBytes += _schedule[_next].Length;
            }

            return wasFetched;
        }
    }

    /// <summary>A range was still on its way when it was needed: the window doubles, as far as it may.</summary>
    public void Widen()
    {
        long most = _mostBytes?.Invoke() ?? 0;
        lock (_gate)
        {
            _windowBytes = Math.Max(_leastBytes, Math.Min(most, 2 * _windowBytes));
            _isFull = false;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>A range had been fetched, and was gone when it was needed: there is less memory for files than the window takes, which halves.</summary>
    public void Narrow()
    {
        lock (_gate)
        {
            _windowBytes = Math.Max(_leastBytes, _windowBytes / 2);
        }
    }

    /// <summary>Range <paramref name="index"/> has been given back: its place in the window is free.</summary>
    public void Released(int index)
    {
        lock (_gate)
        {
            _heldBytes -= _schedule[index].Length;
            if (_isFull && _heldBytes <= _windowBytes / 2)
            {
                _isFull = false;
                Monitor.PulseAll(_gate);
            }
        }
    }

    /// <summary>Stops until the next <see cref="Begin"/>; returns when no fetch is under way.</summary>
    public void End()
    {
        lock (_gate)
        {
            _inbox.Running = null;
            while (_fetching != None)
            {
                Monitor.Wait(_gate);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        GC.SuppressFinalize(this);
        _inbox.Close();
        _thread?.Join();
    }

    private static Thread? TryStart(Inbox inbox, MemoryAccount? account)
    {
        if (RefusesThreads)
        {
            return null;
        }

        try
        {
            Thread thread = new(() => Work(inbox, account), maxStackSize: 256 << 10) { IsBackground = true, Name = "onnxstream read-ahead" };
            thread.Start();
            return thread;
        }
        catch (Exception exception) when (exception is OutOfMemoryException or ThreadStartException)
        {
            return null;
        }
    }

    private static void Work(Inbox inbox, MemoryAccount? account)
    {
        using MemoryAccount.Scope scope = MemoryAccount.Enter(account);
        while (inbox.WaitForWork())
        {
            FetchNext(inbox);
        }
    }

    // On the thread. Nothing of the stream is left on its stack afterwards.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void FetchNext(Inbox inbox)
    {
        ReadAhead? stream;
        int index;
        lock (inbox.Gate)
        {
            stream = inbox.Running;
            if (stream is null || !stream.HasWork)
            {
                return;
            }

            index = stream._next++;
            stream._heldBytes += stream._schedule[index].Length;
            stream._fetching = index;
        }

        bool isFetched = false;
        try
        {
            stream._fetch(index);
            isFetched = true;
        }
#pragma warning disable CA1031 // who needs the range reads it again, and tells why it cannot be read
        catch (Exception)
#pragma warning restore CA1031
        {
        }

        lock (inbox.Gate)
        {
            stream._fetching = None;
            if (!isFetched)
            {
                inbox.Running = null;
            }

            Monitor.PulseAll(inbox.Gate);
        }
    }

    private bool HasWork => _next < _schedule.Count && !_isFull && Fits(_schedule[_next].Length);

    private bool Fits(long length) => _heldBytes + length <= _windowBytes || (_heldBytes == 0 && _windowBytes > 0);

    // What the thread and its stream both know.
    private sealed class Inbox
    {
        private bool _isClosed;

        // The lock, of the stream's numbers too.
        public object Gate { get; } = new();

        // The stream, while it runs.
        public ReadAhead? Running { get; set; }

        public void Close()
        {
            lock (Gate)
            {
                _isClosed = true;
                Running = null;
                Monitor.PulseAll(Gate);
            }
        }

        public bool WaitForWork()
        {
            lock (Gate)
            {
                while (!_isClosed && !HasWork())
                {
                    Monitor.Wait(Gate);
                }

                return !_isClosed;
            }
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private bool HasWork()
        {
            if (Running is not { } stream || stream.HasWork)
            {
                return Running is not null;
            }

            // Woken for each range, the thread would take a processor from those that compute hundreds of times a second.
            stream._isFull = stream._next < stream._schedule.Count;
            return false;
        }
    }
}
