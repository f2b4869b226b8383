using NUnit.Framework.Interfaces;

namespace OnnxStream.Interop.Tests;

/// <summary>Fails a test that leaves native memory behind. Switched on for a fixture or test with the attribute.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
public sealed class NativeMemoryLeakCheckAttribute : Attribute, ITestAction
{
    private long _before;

    public ActionTargets Targets => ActionTargets.Test;

    public void BeforeTest(ITest test) => _before = MemoryDiagnostics.LiveBytes;

    public void AfterTest(ITest test) =>
        Assert.That(MemoryDiagnostics.LiveBytes, Is.EqualTo(_before), "native memory was left behind");
}
