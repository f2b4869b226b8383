namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class GemmWithActivationTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values("Relu", "Tanh", "Sigmoid", "LeakyRelu", "Elu", "Celu", "Selu", "HardSigmoid", "Softplus", "Softsign", "ThresholdedRelu")] string activation, [Values(0, 1)] int transB)
    {
        OperatorTester tester = new OperatorTester("FusedGemm", 17, "com.microsoft").Input(TestTensors.Floats(1, 5, 8)).Constant(TestTensors.Floats(2, transB == 0 ? [8, 6] : [6, 8])).Input(TestTensors.Floats(3, 6)).Attribute("transB", transB).Attribute("alpha", 0.7f).Attribute("beta", 0.3f).Attribute("activation", activation);
        _ = activation is "LeakyRelu" or "Elu" or "Celu" or "HardSigmoid" or "ThresholdedRelu" or "Selu" ? tester.Attribute("activation_alpha", 0.4f) : tester;
        _ = activation is "HardSigmoid" ? tester.Attribute("activation_beta", 0.6f) : tester;
        _ = activation is "Selu" ? tester.Attribute("activation_gamma", 1.3f) : tester;
        tester.Check();
    }

    [Test]
    public void WithoutBias() =>
        new OperatorTester("FusedGemm", 17, "com.microsoft").Input(TestTensors.Floats(1, 8, 5)).Input(TestTensors.Floats(2, 8, 6)).Attribute("transA", 1).Attribute("activation", "Relu").Check();

    [Test]
    public void UnknownActivation() =>
        new OperatorTester("FusedGemm", 17, "com.microsoft").Input(TestTensors.Floats(1, 5, 8)).Input(TestTensors.Floats(2, 8, 6)).Attribute("activation", "Other").Fails<UnsupportedOperatorException>();
}
