namespace OnnxStream.Interop.Fleet.Tests;

public class FleetNamesTests
{
    [TestCase("tiny-shapes", "tiny-shapes")]
    [TestCase("sd 1.5", "sd=201=2E5")]
    [TestCase("a*>b", "a=2A=3Eb")]
    [TestCase("ä=", "=C3=A4=3D")]
    public void NamesOfModelsBecomePartsOfSubjects(string name, string token) => Assert.That(FleetNames.Token(name), Is.EqualTo(token));
}
