using OnnxStream.Interop.Cli.SelfTests;

namespace OnnxStream.Interop.Cli.Tests.SelfTests;

internal sealed class SpeedFamiliesTests
{
    private static IEnumerable<SpeedFamily> Families => SpeedFamilies.All;

    // Models of this size stay in memory otherwise, and tests of limits count what the process has.
    [TearDown]
    public void GiveBackMemory() => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);

    [TestCaseSource(nameof(Families))]
    public void The_model_of_a_family_has_its_kernel(SpeedFamily family)
    {
        using TemporaryFolder folder = new();
        string path = Path.Combine(folder.Path, "model.onnx");
        family.Model(new Random(1)).Save(path);
        SessionOptions options = new() { PlanOnly = true, PanelStore = PanelStoreOptions.File(Path.Combine(folder.Path, "panels")) with { ElementType = family.PanelType } };
        using InferenceSession session = new(path, options);
        Assert.That(session.Plan().Steps.Select(step => step.KernelName), Has.Some.Contains(family.Kernel).IgnoreCase);
        Assert.That(family.Bytes > 0, Is.EqualTo(family.Limit == SpeedLimit.Memory));
    }
}
