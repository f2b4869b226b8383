using OnnxStream.Interop.Cli.SelfTests;

namespace OnnxStream.Interop.Cli.Tests.SelfTests;

internal sealed class ProcessorLimitsTests
{
    // Models of this size stay in memory otherwise, and tests of limits count what the process has.
    [TearDown]
    public void GiveBackMemory() => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);

    // Slower than a Pi Zero, and quicker than anything: what was measured has the right unit.
    [Test]
    public void Limits_are_those_of_a_processor()
    {
        ProcessorLimits limits = ProcessorLimits.Measure(1);
        Assert.That(limits.Operations, Is.InRange(1e8, 1e13));
        Assert.That(limits.Bytes, Is.InRange(1e8, 1e13));
    }
}
