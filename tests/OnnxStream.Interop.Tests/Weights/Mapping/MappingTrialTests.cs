using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Weights;

/// <summary>Which answer is right depends on the machine; here is what must be so on any.</summary>
[NativeMemoryLeakCheck]
public class MappingTrialTests
{
    private const int PanelBytes = 1 << 20;
    private const int Panels = 12;

    private TemporaryFolder _folder = null!;
    private string _path = null!;

    [SetUp]
    public void SetUp()
    {
        _folder = new TemporaryFolder();
        _path = _folder.Write("weights", new byte[(Panels + 1) * PanelBytes]);
    }

    [TearDown]
    public void TearDown() => _folder.Dispose();

    [Test]
    public void ItEndsAndGivesEverythingBack()
    {
        Assert.That(() => MappingTrial.Pays(Schedule(_path)), Throws.Nothing);
        using FileStream file = new(_path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        file.SetLength(0);
    }

    [Test]
    public void NothingIsMappedWhileSomebodyWrites()
    {
        using FileStream file = new(_path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        Assert.That(MappingTrial.Pays(Schedule(_path)), Is.False);
    }

    [Test]
    public void WhatIsNotThereIsAnError() =>
        Assert.That(() => MappingTrial.Pays(Schedule(_folder["nothing"])), Throws.TypeOf<WeightsException>());

    private static WeightRange[] Schedule(string path) => Schedule(new FileSource(path) { IsPanelStore = true });

    private static WeightRange[] Schedule(FileSource store) =>
        [new("other", store, 0, 100), .. Enumerable.Range(0, Panels).Select(i => new WeightRange("panel", store, (long)i * PanelBytes, PanelBytes) { IsPanel = true })];
}
