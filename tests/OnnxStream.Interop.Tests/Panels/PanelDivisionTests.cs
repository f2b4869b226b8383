using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop.Tests.Panels;

public class PanelDivisionTests
{
    // A part of each matrix, as large as fits, and whole tiles if that costs no more than half of it.
    [TestCase(5760, 64, 64)]
    [TestCase(2880, 100, 96)]
    [TestCase(100, 1000, 100)]
    [TestCase(96, 50, 32)]
    [TestCase(100, 60, 50)]
    [TestCase(1536, 170, 128)]
    [TestCase(97, 50, 1)]
    public void PartsOfAMatrix(int outputs, long most, int part) => Assert.That(PanelDivision.LargestPart(outputs, most, PanelDivision.Tile), Is.EqualTo(part));
}
