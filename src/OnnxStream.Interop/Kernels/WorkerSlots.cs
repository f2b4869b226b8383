using System.Numerics;

namespace OnnxStream.Interop.Kernels;

/// <summary>Numbers from 0 up to a count, each given to one thread at a time: which part of a step's scratch memory is whose.</summary>
/// <param name="count">The number of slots. Never more threads than that may ask for one at the same time.</param>
internal sealed class WorkerSlots(int count)
{
    private readonly ulong[] _busy = new ulong[(count + 63) / 64];

    /// <summary>A free slot.</summary>
    public int Acquire()
    {
        for (int word = 0; ; word = (word + 1) % _busy.Length)
        {
            ulong busy = Volatile.Read(ref _busy[word]);
            while (~busy != 0 && word * 64 + BitOperations.TrailingZeroCount(~busy) is var slot && slot < count)
            {
                ulong seen = Interlocked.CompareExchange(ref _busy[word], busy | (1UL << slot), busy);
                if (seen == busy)
                {
                    return slot;
                }

                busy = seen;
            }
        }
    }

    /// <summary>Gives a slot back.</summary>
    public void Release(int slot) => Interlocked.And(ref _busy[slot / 64], ~(1UL << slot));
}
