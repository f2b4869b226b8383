namespace OnnxStream.Interop.Tests.Panels;

public class PanelFormatTableTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void SetUp() => _folder = new TemporaryFolder();

    [TearDown]
    public void TearDown() => _folder.Dispose();

    [Test]
    public void WhatIsSavedComesBack()
    {
        PanelFormatTable table = new([new("a \"quoted\" /name", ElementType.Int8) { PredictedError = 0.0125 }, new("ünder", ElementType.Float16), new("", ElementType.Int4)])
        {
            TargetError = 0.02,
            MeasuredError = 0.0187,
            MadeFor = "something",
        };
        table.Save(_folder["a.formats"]);
        PanelFormatTable loaded = PanelFormatTable.Load(_folder["a.formats"]);
        Assert.That(loaded, Is.EqualTo(table));
        Assert.That(loaded.GetHashCode(), Is.EqualTo(table.GetHashCode()));
        Assert.That(loaded.Layers, Is.EqualTo(table.Layers));
        Assert.That((loaded.TargetError, loaded.MeasuredError, loaded.MadeFor), Is.EqualTo((0.02, 0.0187, "something")));
        Assert.That(loaded.Find("ünder"), Is.EqualTo(ElementType.Float16));
        Assert.That(loaded.Find("other"), Is.Null);
        Assert.That(Directory.GetFiles(_folder.Path), Has.Length.EqualTo(1), "nothing else is left");
    }

    [Test]
    public void TypesDecideWhetherTablesAreEqual()
    {
        PanelFormatTable table = new([new("a", ElementType.Int8), new("b", ElementType.Int4)]);
        Assert.That(new PanelFormatTable([new("b", ElementType.Int4) { PredictedError = 1 }, new("a", ElementType.Int8)]) { TargetError = 0.1 }, Is.EqualTo(table));
        Assert.That(new PanelFormatTable([new("a", ElementType.Int8), new("b", ElementType.Int8)]), Is.Not.EqualTo(table));
        Assert.That(new PanelFormatTable([new("a", ElementType.Int8)]), Is.Not.EqualTo(table));
        Assert.That(new PanelFormatTable([]), Is.Not.EqualTo(table));
    }

    [Test]
    public void WhatCannotBeIsRefused()
    {
        Assert.That(() => new PanelFormatTable([new("a", ElementType.Int64)]), Throws.ArgumentException.With.Message.Contains("Float32, Float16, BFloat16, Int8, Int4"));
        Assert.That(() => new PanelFormatTable([new("a", ElementType.Int8), new("a", ElementType.Int8)]), Throws.ArgumentException.With.Message.Contains("twice"));
        Assert.That(() => PanelFormatTable.Load(_folder["none"]), Throws.InstanceOf<FileNotFoundException>());
    }

    [TestCase("")]
    [TestCase("[]")]
    [TestCase("{}")]
    [TestCase("""{"version":"1","layers":[]}""")]
    [TestCase("""{"version":2,"layers":[]}""", "version 2")]
    [TestCase("""{"version":1}""")]
    [TestCase("""{"version":1,"layers":[{"weight":"a"}]}""")]
    [TestCase("""{"version":1,"layers":[{"weight":null,"type":"Int8"}]}""")]
    [TestCase("""{"version":1,"layers":[{"weight":"a","type":"Int64"}]}""", "Int64")]
    [TestCase("""{"version":1,"layers":[{"weight":"a","type":"8"}]}""")]
    [TestCase("""{"version":1,"layers":[{"weight":"a","type":"Int8"},{"weight":"a","type":"Int8"}]}""", "twice")]
    [TestCase("""{"version":1,"targetError":"x","layers":[]}""")]
    [TestCase("""{"version":1,"madeFor":3,"layers":[]}""")]
    public void DamagedFilesAreRefused(string text, string expected = "table of panel formats") =>
        Assert.That(() => PanelFormatTable.Load(_folder.Write("a.formats", text)), Throws.TypeOf<ModelFormatException>().With.Message.Contains("a.formats").And.Message.Contains(expected));
}
