using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using OnnxStream.Interop.Bindings;

namespace OnnxStream.Interop.Native;

/// <summary>A <c>pthreadpool</c>: the threads that XNNPACK's and the managed kernels share.</summary>
internal sealed unsafe class WorkerPool : SafeHandle
{
    /// <summary>Work of fewer elements or multiplications than this is done by one thread.</summary>
    public const long WorthSharing = 128 << 10;

    /// <summary>The most threads that may be asked for: far beyond that, starting them takes the machine's time and its address space for nothing.</summary>
    public const int MostThreads = 1024;

    private readonly WeakGCHandle<WorkerPool> _self;
    private IParallelBody? _body;
    private Exception? _exception;
    private MemoryAccount? _account;

    /// <summary>Starts a pool of <paramref name="threadCount"/> threads, the calling one included; 0 means one for each processor.</summary>
    /// <exception cref="NativeMemoryException">The pool could not be made.</exception>
    public WorkerPool(int threadCount)
        : base(0, ownsHandle: true)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threadCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(threadCount, MostThreads);
        WantedCount = threadCount == 0 ? Math.Min(Environment.ProcessorCount, MostThreads) : threadCount;
        WorkerCount = WantedCount;
        if (WantedCount > 1)
        {
            SetHandle((nint)PthreadpoolMethods.pthreadpool_create((nuint)WantedCount));
            if (handle == 0)
            {
                throw new NativeMemoryException(0, $"A pool of {WantedCount} threads could not be started.");
            }

            // Where the system refuses threads, those that it gave do the work.
            WorkerCount = (int)PthreadpoolMethods.pthreadpool_get_threads_count(Pointer);

            // Native threads find the pool by it. It keeps nobody alive: whoever runs something in the pool does.
            _self = new WeakGCHandle<WorkerPool>(this);
        }
    }

    /// <summary>The number of threads, the calling one included.</summary>
    public int WorkerCount { get; }

    /// <summary>The number of threads that were to be there.</summary>
    public int WantedCount { get; }

    /// <summary>The native pool; null for a single thread, which XNNPACK understands as "the calling one".</summary>
    public Pthreadpool* Pointer => (Pthreadpool*)handle;

    /// <inheritdoc/>
    public override bool IsInvalid => false;

    /// <summary>The native pool for work that is worth it, null (the calling thread alone) for less.</summary>
    /// <param name="operations">About how many elements or multiplications the work has.</param>
    /// <remarks>
    /// Work that is shared ends with waiting for the last thread: microseconds on a quiet machine, milliseconds where others
    /// compute too. Small layers are quicker alone.
    /// </remarks>
    public Pthreadpool* For(long operations) => operations >= WorthSharing ? Pointer : null;

    /// <summary>Runs <paramref name="count"/> pieces of <paramref name="body"/> on all threads and waits. Not reentrant.</summary>
    /// <param name="body">The work.</param>
    /// <param name="count">The number of pieces.</param>
    /// <param name="operations">About how many elements or multiplications all pieces have together; few are done by the calling thread alone.</param>
    public void Parallelize(IParallelBody body, int count, long operations = long.MaxValue)
    {
        if (handle == 0 || count <= 1 || operations < WorthSharing)
        {
            for (int i = 0; i < count; i++)
            {
                body.Execute(i);
            }

            return;
        }

        _body = body;
        _exception = null;
        _account = MemoryAccount.Current;
        PthreadpoolMethods.pthreadpool_parallelize_1d(Pointer, &Execute, (void*)WeakGCHandle<WorkerPool>.ToIntPtr(_self), (nuint)count, 0);
        GC.KeepAlive(this);
        _body = null;
        _account = null;
        if (_exception is { } exception)
        {
            _exception = null;
            ExceptionDispatchInfo.Throw(exception);
        }
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        if (handle != 0)
        {
            PthreadpoolMethods.pthreadpool_destroy((Pthreadpool*)handle);
            _self.Dispose();
        }

        return true;
    }

    // An exception must not pass through native frames: the first one is kept and thrown by Parallelize.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Execute(void* context, nuint index)
    {
        // It is there as long as somebody waits for the work.
        _ = WeakGCHandle<WorkerPool>.FromIntPtr((nint)context).TryGetTarget(out WorkerPool? found);
        WorkerPool pool = found!;
        using MemoryAccount.Scope scope = MemoryAccount.Enter(pool._account);
        try
        {
            if (Volatile.Read(ref pool._exception) is null)
            {
                pool._body!.Execute((int)index);
            }
        }
#pragma warning disable CA1031 // thrown again on the calling thread
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Interlocked.CompareExchange(ref pool._exception, exception, null);
        }
    }
}
