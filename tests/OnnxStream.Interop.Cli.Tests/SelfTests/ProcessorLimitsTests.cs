using OnnxStream.Interop.Cli.SelfTests;

namespace OnnxStream.Interop.Cli.Tests.SelfTests;

internal sealed class ProcessorLimitsTests
{
    // Slower than a Pi Zero, and quicker than anything: what was measured has the right unit.
    [Test]
    public void Limits_are_those_of_a_processor()
    {
        ProcessorLimits limits = ProcessorLimits.Measure(1);
        Assert.That(limits.Operations, Is.InRange(1e8, 1e13));
        Assert.That(limits.Bytes, Is.InRange(1e8, 1e13));
    }
}
