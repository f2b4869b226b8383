namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class BiasActivationTests
{
    [TestCase("BiasGelu", true)]
    [TestCase("FastGelu", true)]
    [TestCase("FastGelu", false)]
    [TestCase("Gelu", false)]
    [TestCase("QuickGelu", false)]
    public void AgreesWithOnnxRuntime(string name, bool hasBias)
    {
        OperatorTester tester = new OperatorTester(name, 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 5, 24));
        _ = hasBias ? tester.Input(TestTensors.Floats(2, 24)) : tester;
        tester.Check();
    }

    [Test]
    public void Alpha() => new OperatorTester("QuickGelu", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 5, 24)).Attribute("alpha", 0.7f).Check();
}
