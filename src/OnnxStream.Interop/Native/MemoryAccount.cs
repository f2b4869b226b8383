using System.Runtime.ConstrainedExecution;
using OnnxStream.Interop.Bindings;

namespace OnnxStream.Interop.Native;

/// <summary>Counts the native memory that is held for one purpose: for a session, or for one of its plans.</summary>
/// <remarks>
/// <para>
/// A thread that works for an account enters it; every block that <see cref="CountedMemory"/> hands out on that thread, to XNNPACK
/// too, is charged to the account and to those around it. A block remembers its account, so it is discharged
/// from the same one, whoever frees it and whenever.
/// </para>
/// <para>
/// The numbers lie outside the managed heap, because blocks point to them. They stay until the account is closed and its
/// last block is freed.
/// </para>
/// </remarks>
internal sealed unsafe class MemoryAccount : CriticalFinalizerObject
{
    [ThreadStatic]
    private static MemoryAccount? t_current;

    private readonly MemoryAccount? _parent;
    private readonly Dictionary<object, long> _shared = [];
    private State* _state;

    /// <summary>Opens an account.</summary>
    /// <param name="parent">The account around it, which is charged as well; null for none.</param>
    /// <exception cref="NativeMemoryException">The operating system refuses.</exception>
    public MemoryAccount(MemoryAccount? parent)
    {
        _parent = parent;
        _state = (State*)Abi.onnxstream_account_open(parent is null ? null : parent.Opened);
        if (_state is null)
        {
            throw new NativeMemoryException(sizeof(State));
        }

        GC.KeepAlive(parent);
    }

    ~MemoryAccount() => ReleaseState();

    /// <summary>The account that this thread works for; null for none.</summary>
    public static MemoryAccount? Current => t_current;

    /// <summary>Whether this thread works for the account, or for one inside of it.</summary>
    public bool IsCurrent
    {
        get
        {
            MemoryAccount? account = t_current;
            while (account is not null && account != this)
            {
                account = account._parent;
            }

            return account is not null;
        }
    }

    /// <summary>The bytes that are charged now. Only valid while the account is open.</summary>
    public long LiveBytes => Interlocked.Read(ref Opened->LiveBytes);

    /// <summary>The largest value of <see cref="LiveBytes"/> since the account was opened, or since the last <see cref="ResetPeak"/>.</summary>
    public long PeakBytes => Interlocked.Read(ref Opened->PeakBytes);

    private State* Opened => _state is null ? throw new ObjectDisposedException(nameof(MemoryAccount)) : _state;

    /// <summary>The most bytes that may be charged: allocations beyond fail. Unlimited at first. What comes without a block (<see cref="Count"/>, <see cref="Share"/>) never fails.</summary>
    public long Limit
    {
        get => Interlocked.Read(ref Opened->Limit);
        set => Interlocked.Exchange(ref Opened->Limit, value);
    }

    /// <summary>Lets this thread work for an account until the scope is disposed.</summary>
    /// <param name="account">The account; null for memory that is nobody's, or everybody's.</param>
    public static Scope Enter(MemoryAccount? account)
    {
        void* before = Abi.onnxstream_account_enter(account is null ? null : account._state);
        Scope scope = new(t_current, before);
        t_current = account;
        return scope;
    }

    /// <summary>Starts a new measurement of <see cref="PeakBytes"/> from what is charged now.</summary>
    public void ResetPeak() => Interlocked.Exchange(ref Opened->PeakBytes, LiveBytes);

    /// <summary>Charges what several accounts use in common, once for each of them: to the outermost account around this one, until that is closed.</summary>
    /// <param name="what">What is used.</param>
    /// <param name="bytes">Its size.</param>
    public void Share(object what, long bytes)
    {
        if (_parent is not null)
        {
            _parent.Share(what, bytes);
            return;
        }

        lock (_shared)
        {
            if (_shared.TryAdd(what, bytes))
            {
                Add(Opened, bytes);
            }
        }
    }

    /// <summary>Whether <see cref="Share"/> has charged something to the outermost account already.</summary>
    public bool Shares(object what)
    {
        if (_parent is not null)
        {
            return _parent.Shares(what);
        }

        lock (_shared)
        {
            return _shared.ContainsKey(what);
        }
    }

    /// <summary>Closes the account. Blocks that are charged to it may still be freed.</summary>
    public void Close()
    {
        lock (_shared)
        {
            if (_state is not null)
            {
                Add(_state, -_shared.Values.Sum());
            }

            _shared.Clear();
        }

        ReleaseState();
    }

    /// <summary>Adds bytes that no block stands for; negative ones take them back.</summary>
    public void Count(long bytes) => Add(Opened, bytes);

    private static void Add(State* state, long bytes) => Abi.onnxstream_account_count(state, bytes);

    private void ReleaseState()
    {
        State* state = _state;
        _state = null;
        if (state is not null)
        {
            Abi.onnxstream_account_release(state);
        }
    }

    // The numbers of an account, as native/memory.c has them, which writes them.
#pragma warning disable CS0649
    private struct State
    {
        public long LiveBytes;
        public long PeakBytes;
        public long Limit;
        public long Users;
        public State* Parent;
    }
#pragma warning restore CS0649

    /// <summary>The time in which a thread works for an account.</summary>
    internal readonly ref struct Scope
    {
        private readonly MemoryAccount? _previous;
        private readonly void* _previousState;

        /// <summary>Remembers the account of before.</summary>
        public Scope(MemoryAccount? previous, void* previousState)
        {
            _previous = previous;
            _previousState = previousState;
        }

        /// <summary>Returns to the account of before.</summary>
        public void Dispose()
        {
            Abi.onnxstream_account_leave(_previousState);
            t_current = _previous;
        }
    }
}
