namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class SimplifiedLayerNormalizationTests
{
    [Test]
    public void AgreesWithOnnxRuntime() => new OperatorTester("SimplifiedLayerNormalization", 17).Input(TestTensors.Floats(1, 2, 5, 24)).Input(TestTensors.Floats(3, 24)).Attribute("epsilon", 1e-3f).Attribute("axis", -1).Check();
}
