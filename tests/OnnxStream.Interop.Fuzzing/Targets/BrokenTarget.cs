using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Fuzzing.Targets;

/// <summary>Does everything that no file may do, each with the seed of its number: what the tests of <see cref="Fuzzer"/> look for.</summary>
internal sealed class BrokenTarget() : FuzzTarget("broken")
{
    /// <summary>What a seed does.</summary>
    public enum Fault
    {
        None,
        Refuses,
        StopsWhenTold,
        Hangs,
        TakesTooLong,
        OverflowsTheStack,
        ThrowsAnotherException,
        LeavesNativeMemory,
        AllocatesGigabytes,
        AsksForTooMuch,
    }

    private static readonly List<byte[]> s_kept = [];
    private static readonly List<NativeBuffer> s_buffers = [];

    /// <inheritdoc/>
    public override void Try(Random random, string folder, CancellationToken cancellationToken) => Fail((Fault)FaultOf(random), cancellationToken);

    /// <summary>The fault that a generator of a seed decides for: the seed cannot be read back from it, so each seed is tried until one fits.</summary>
    public static int SeedOf(Fault fault) => Enumerable.Range(0, int.MaxValue).First(seed => FaultOf(new Random(seed)) == (int)fault);

    private static int FaultOf(Random random) => random.Next(Enum.GetValues<Fault>().Length);

    private static void Fail(Fault fault, CancellationToken cancellationToken)
    {
        switch (fault)
        {
            case Fault.Refuses:
                throw new InvalidGraphException("refused");
            case Fault.StopsWhenTold:
                cancellationToken.WaitHandle.WaitOne();
                cancellationToken.ThrowIfCancellationRequested();
                break;
            case Fault.Hangs:
                Thread.Sleep(Timeout.Infinite);
                break;
            case Fault.TakesTooLong:
                cancellationToken.WaitHandle.WaitOne();
                Thread.Sleep(TimeSpan.FromSeconds(4));
                break;
            case Fault.OverflowsTheStack:
                Overflow(1);
                break;
            case Fault.ThrowsAnotherException:
                throw new InvalidOperationException("another exception");
            case Fault.LeavesNativeMemory:
                s_buffers.Add(new NativeBuffer(1000));
                break;
            case Fault.AllocatesGigabytes:
                for (int i = 0; i < 1100; i++)
                {
                    GC.KeepAlive(new byte[1 << 20]);
                }

                break;
            case Fault.AsksForTooMuch:
                s_kept.AddRange(Enumerable.Range(0, 2000).Select(_ => new byte[1 << 20]));
                break;
        }
    }

    private static int Overflow(int depth) => depth == 0 ? 0 : Overflow(depth + 1) + 1;
}
