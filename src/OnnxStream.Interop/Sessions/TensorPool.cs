using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Sessions;

/// <summary>The native memory of the tensors between the parts of a graph.</summary>
/// <remarks>
/// Large blocks that come from the system are cleared by it, page by page, when they are first touched. So blocks that are free are kept for
/// tensors of the same size, in this run and the next ones, but together with those in use they never take more than tensors in use
/// once did, and they are the first to go when the budget needs room.
/// </remarks>
/// <param name="account">What tensors are charged to.</param>
/// <param name="makeRoom">Lets the session give up so many bytes if the budget has no room for them.</param>
internal sealed class TensorPool(MemoryAccount account, Action<long> makeRoom) : ITensorMemory, IDisposable
{
    // In the order in which they became free.
    private readonly List<NativeBuffer> _free = [];
    private readonly HashSet<LiveTensor> _inUse = [];
    private long _mostBytes;

    /// <summary>The bytes of tensors that somebody owns.</summary>
    public long LiveBytes { get; private set; }

    /// <summary>The bytes that are kept for the next tensors.</summary>
    public long FreeBytes { get; private set; }

    /// <inheritdoc/>
    public LiveTensor Take(TensorType type)
    {
        long bytes = type.ByteLength;
        int index = _free.FindLastIndex(block => block.Length == bytes);
        NativeBuffer block;
        if (index >= 0)
        {
            block = _free[index];
            _free.RemoveAt(index);
            FreeBytes -= bytes;
        }
        else
        {
            _mostBytes = Math.Max(_mostBytes, LiveBytes + bytes);
            while (LiveBytes + FreeBytes + bytes > _mostBytes && TryShrink(LiveBytes + FreeBytes + bytes - _mostBytes))
            {
            }

            makeRoom(bytes);
            using MemoryAccount.Scope scope = MemoryAccount.Enter(account);
            block = new NativeBuffer(bytes);
        }

        LiveBytes += bytes;
        _mostBytes = Math.Max(_mostBytes, LiveBytes);
        LiveTensor tensor = new(type, this, block);
        _inUse.Add(tensor);
        return tensor;
    }

    /// <inheritdoc/>
    public LiveTensor TakeOutput(TensorType type) => new(TensorBuffer.Uninitialized(type));

    /// <inheritdoc/>
    public void Return(LiveTensor tensor)
    {
        _inUse.Remove(tensor);
        _free.Add(tensor.Block!);
        LiveBytes -= tensor.NativeBytes;
        FreeBytes += tensor.NativeBytes;
    }

    /// <summary>Frees the block that has been free for longest.</summary>
    /// <returns>False if there is none.</returns>
    public bool TryShrink()
    {
        if (_free.Count == 0)
        {
            return false;
        }

        FreeBytes -= _free[0].Length;
        _free[0].Dispose();
        _free.RemoveAt(0);
        return true;
    }

    // The smallest block that is enough goes: clearing a large one anew would take longer.
    private bool TryShrink(long bytes)
    {
        NativeBuffer? gone = _free.Where(block => block.Length >= bytes).MinBy(block => block.Length) ?? _free.MaxBy(block => block.Length);
        if (gone is null)
        {
            return false;
        }

        _free.Remove(gone);
        FreeBytes -= gone.Length;
        gone.Dispose();
        return true;
    }

    /// <summary>Ends a run, finished or not: whatever still has owners is free.</summary>
    public void EndRun()
    {
        foreach (LiveTensor tensor in _inUse.ToArray())
        {
            Return(tensor);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        EndRun();
        while (TryShrink())
        {
        }
    }
}
