using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Tests.Native;

/// <summary>Memory is charged to the account of the thread that allocates it, and discharged from the same one.</summary>
[NativeMemoryLeakCheck]
public class MemoryAccountTests
{
    [Test]
    public void BlocksAreChargedAndDischarged()
    {
        MemoryAccount account = new(null);
        NativeBuffer buffer = Allocate(account, 1000);
        Assert.That(account.LiveBytes, Is.EqualTo(1000));
        using NativeBuffer other = new(500);
        Assert.That(account.LiveBytes, Is.EqualTo(1000), "nobody's block");
        buffer.Dispose();
        Assert.That(account.LiveBytes, Is.Zero);
        Assert.That(account.PeakBytes, Is.EqualTo(1000));
        account.ResetPeak();
        Assert.That(account.PeakBytes, Is.Zero);
    }

    [Test]
    public void AccountsNest()
    {
        MemoryAccount session = new(null);
        using NativeBuffer first = Allocate(session, 100);
        MemoryAccount plan = new(session);
        NativeBuffer second = Allocate(plan, 10);
        Assert.That((session.LiveBytes, plan.LiveBytes), Is.EqualTo((110L, 10L)));

        // The block outlives its account.
        plan.Close();
        Assert.That(session.LiveBytes, Is.EqualTo(110));
        second.Dispose();
        Assert.That(session.LiveBytes, Is.EqualTo(100));
    }

    [Test]
    public void ABlockOutlivesAllItsAccounts()
    {
        MemoryAccount session = new(null);
        MemoryAccount plan = new(session);
        NativeBuffer buffer = Allocate(plan, 10);
        session.Close();
        plan.Close();
        Assert.That(() => plan.LiveBytes, Throws.TypeOf<ObjectDisposedException>());
        buffer.Dispose();
    }

    [Test]
    public void WhoeverFreesDischargesWhoWasCharged()
    {
        MemoryAccount one = new(null);
        MemoryAccount other = new(null);
        NativeBuffer buffer = Allocate(one, 100);
        using (MemoryAccount.Enter(other))
        {
            buffer.Dispose();
        }

        Assert.That((one.LiveBytes, other.LiveBytes), Is.EqualTo((0L, 0L)));
    }

    [Test]
    public void WorkersWorkForTheAccountOfTheCaller()
    {
        MemoryAccount account = new(null);
        using WorkerPool workers = new(4);
        using (MemoryAccount.Enter(account))
        {
            Allocations body = new();
            workers.Parallelize(body, 100);
            Assert.That(account.LiveBytes, Is.EqualTo(100 * 1000));
            Parallel.ForEach(body.Buffers, buffer => buffer.Dispose());
        }

        Assert.That(account.LiveBytes, Is.Zero);
        Assert.That(account.PeakBytes, Is.EqualTo(100 * 1000));
    }

    [Test]
    public void WhatIsSharedCountsOnceForEach()
    {
        MemoryAccount session = new(null);
        MemoryAccount other = new(null);
        object what = new();
        MemoryAccount plan = new(session);
        plan.Share(what, 100);
        session.Share(what, 100);
        Assert.That(plan.LiveBytes, Is.Zero, "the plan goes, what is shared stays");
        plan.Close();

        other.Share(what, 100);
        Assert.That((session.LiveBytes, other.LiveBytes), Is.EqualTo((100L, 100L)));
    }

    private static NativeBuffer Allocate(MemoryAccount account, long bytes)
    {
        using MemoryAccount.Scope scope = MemoryAccount.Enter(account);
        return new NativeBuffer(bytes);
    }

    private sealed class Allocations : IParallelBody
    {
        public NativeBuffer[] Buffers { get; } = new NativeBuffer[100];

        public void Execute(int index) => Buffers[index] = new NativeBuffer(1000);
    }
}
