namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class SkipNormalizationTests
{
    [Test]
    public void Centered([Values] bool hasBeta, [Values] bool hasBias) =>
        new OperatorTester("SkipLayerNormalization", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 5, 24)).Input(TestTensors.Floats(2, 2, 5, 24)).Input(TestTensors.Floats(3, 24)).Input(hasBeta ? TestTensors.Floats(4, 24) : null).Input(hasBias ? TestTensors.Floats(5, 24) : null)
            .Attribute("epsilon", 1e-5f).Output(ElementType.Float32).Output(ElementType.Undefined).Output(ElementType.Undefined).Output(ElementType.Float32).Check();

    [Test]
    public void Uncentered([Values] bool hasBias) =>
        new OperatorTester("SkipSimplifiedLayerNormalization", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 5, 24)).Input(TestTensors.Floats(2, 2, 5, 24)).Input(TestTensors.Floats(3, 24)).Input(hasBias ? TestTensors.Floats(5, 24) : null)
            .Attribute("epsilon", 1e-5f).Output(ElementType.Float32).Output(ElementType.Undefined).Output(ElementType.Undefined).Output(ElementType.Float32).Check();
}
