using System.Runtime.ConstrainedExecution;
using System.Runtime.InteropServices;

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
    /// <exception cref="OutOfMemoryException">The operating system refuses.</exception>
    public MemoryAccount(MemoryAccount? parent)
    {
        _parent = parent;
        _state = (State*)NativeMemory.AllocZeroed((nuint)sizeof(State));
        _state->Users = 1;
        _state->Limit = long.MaxValue;
        if (parent is not null)
        {
            _state->Parent = parent._state;
            Interlocked.Increment(ref parent._state->Users);
        }
    }

    ~MemoryAccount() => ReleaseState();

    /// <summary>The account that this thread works for; null for none.</summary>
    public static MemoryAccount? Current => t_current;

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
        Scope scope = new(t_current);
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

    /// <summary>Charges bytes to this thread's account.</summary>
    /// <param name="bytes">How many.</param>
    /// <param name="state">What <see cref="Discharge"/> needs to know; null without an account.</param>
    /// <returns>False if a <see cref="Limit"/> does not allow it; nothing has changed then.</returns>
    public static bool TryCharge(long bytes, out State* state)
    {
        state = t_current is { } account ? account._state : null;
        for (State* limited = state; limited is not null; limited = limited->Parent)
        {
            if (bytes > Interlocked.Read(ref limited->Limit) - Interlocked.Read(ref limited->LiveBytes))
            {
                return false;
            }
        }

        if (state is not null)
        {
            Interlocked.Increment(ref state->Users);
            Add(state, bytes);
        }

        return true;
    }

    /// <summary>Takes back what <see cref="TryCharge"/> did.</summary>
    public static void Discharge(State* state, long bytes)
    {
        if (state is not null)
        {
            Add(state, -bytes);
            Release(state);
        }
    }

    /// <summary>Adds bytes that no block stands for; negative ones take them back.</summary>
    public void Count(long bytes) => Add(Opened, bytes);

    private static void Add(State* state, long bytes)
    {
        for (; state is not null; state = state->Parent)
        {
            long live = Interlocked.Add(ref state->LiveBytes, bytes);
            for (long peak = Interlocked.Read(ref state->PeakBytes); live > peak;)
            {
                long seen = Interlocked.CompareExchange(ref state->PeakBytes, live, peak);
                if (seen == peak)
                {
                    break;
                }

                peak = seen;
            }
        }
    }

    private static void Release(State* state)
    {
        while (state is not null && Interlocked.Decrement(ref state->Users) == 0)
        {
            State* parent = state->Parent;
            NativeMemory.Free(state);
            state = parent;
        }
    }

    private void ReleaseState()
    {
        State* state = _state;
        _state = null;
        Release(state);
    }

    /// <summary>The numbers of an account.</summary>
    internal struct State
    {
        /// <summary>What is charged now.</summary>
        public long LiveBytes;

        /// <summary>The most that was charged at once.</summary>
        public long PeakBytes;

        /// <summary>The most that blocks may be charged.</summary>
        public long Limit;

        /// <summary>The open account, its blocks and the accounts inside it: as long as there is one, the numbers stay.</summary>
        public long Users;

        /// <summary>The numbers of the account around it.</summary>
        public State* Parent;
    }

    /// <summary>The time in which a thread works for an account.</summary>
    internal readonly ref struct Scope(MemoryAccount? previous)
    {
        /// <summary>Returns to the account of before.</summary>
        public void Dispose() => t_current = previous;
    }
}
