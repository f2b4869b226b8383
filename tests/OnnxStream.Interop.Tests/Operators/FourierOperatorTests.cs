namespace OnnxStream.Interop.Tests.Operators;

/// <summary>ONNX Runtime transforms lengths that are no powers of two in single precision, with errors of 1e-4.</summary>
[NativeMemoryLeakCheck]
public class FourierOperatorTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values(1, 2, 7, 16, 60)] int length, [Values(1, 2)] int parts, [Values(0, 1)] int inverse) =>
        new OperatorTester("DFT", 17) { Tolerance = 3e-4 }.Input(TestTensors.Floats(1, 3, length, 2, parts)).Attribute("axis", 1).Attribute("inverse", inverse).Check();

    [Test]
    public void OneSidedOfAnotherLength([Values(5, 8, 20)] int length) =>
        new OperatorTester("DFT", 17).Input(TestTensors.Floats(1, 2, 8, 1)).Input(TensorBuffer.Create<long>([length])).Attribute("onesided", 1).Check();

    [Test]
    public void AxisIsAnInput([Values(0, 1, -2)] int axis) =>
        new OperatorTester("DFT", 20).Input(TestTensors.Random(ElementType.Float64, 1, -1, 1, 4, 6, 2)).Input(null).Input(TensorBuffer.Create<long>([axis])).Output(ElementType.Float64).Check();

    [Test]
    public void InverseOfHalfASpectrum([Values(1, 2, 5, 8, 12, 31)] int length, [Values(17, 20)] int operatorSet, [Values(ElementType.Float32, ElementType.Float64)] ElementType type)
    {
        TensorBuffer half = TestTensors.Random(type, 1, -1, 1, 3, length / 2 + 1, 2, 2);
        OperatorTester tester = new("DFT", operatorSet) { Tolerance = type == ElementType.Float64 ? 1e-12 : 1e-6 };
        tester.Input(half).Input(TensorBuffer.Create<long>([length])).Output(type).Attribute("onesided", 1).Attribute("inverse", 1);
        _ = operatorSet < 20 ? tester.Attribute("axis", 1) : tester.Constant(TensorBuffer.Create<long>([1]));
        tester.CheckAgainst(_ => [Inverse(half, length)]);
    }

    [Test]
    public void LengthOfHalfASpectrum()
    {
        // By default twice what is in front of the last element; a longer one lacks high frequencies, a shorter one loses them.
        TensorBuffer half = TestTensors.Floats(1, 3, 6, 2, 2);
        new OperatorTester("DFT", 19).Input(half).Attribute("axis", 1).Attribute("onesided", 1).Attribute("inverse", 1).CheckAgainst(_ => [Inverse(half, 10)]);
        foreach (int length in new[] { 4, 7, 15, 20 })
        {
            new OperatorTester("DFT", 19).Input(half).Input(TensorBuffer.Create<long>([length])).Attribute("axis", 1).Attribute("onesided", 1).Attribute("inverse", 1).CheckAgainst(_ => [Inverse(half, length)]);
        }
    }

    [Test]
    public void ThereAndBack([Values(6, 9, 16)] int length)
    {
        TensorBuffer signal = TestTensors.Floats(1, 2, length, 1);
        TensorBuffer half = new OperatorTester("DFT", 19).Input(signal).Attribute("axis", 1).Attribute("onesided", 1).Run();
        TensorBuffer back = new OperatorTester("DFT", 19).Input(half).Input(TensorBuffer.Create<long>([length])).Attribute("axis", 1).Attribute("onesided", 1).Attribute("inverse", 1).Run();
        TestTensors.AssertClose(back, signal, 1e-6, "signal");
    }

    [Test]
    public void WrongInputs()
    {
        new OperatorTester("DFT", 17).Input(TestTensors.Floats(1, 2, 8, 3)).Fails<InvalidGraphException>();
        new OperatorTester("DFT", 17).Input(TestTensors.Floats(1, 2, 8, 1)).Attribute("axis", 2).Fails<InvalidGraphException>();
        new OperatorTester("DFT", 17).Input(TestTensors.Floats(1, 2, 8, 1)).Input(TensorBuffer.Create<long>([0])).Fails<InvalidGraphException>();
        new OperatorTester("DFT", 17).Input(TestTensors.Floats(1, 2, 8, 2)).Attribute("onesided", 1).Fails<UnsupportedOperatorException>();
        new OperatorTester("DFT", 17).Input(TestTensors.Floats(1, 2, 8, 1)).Attribute("onesided", 1).Attribute("inverse", 1).Fails<UnsupportedOperatorException>();
        new OperatorTester("DFT", 17).Input(TestTensors.Floats(1, 2, 1, 2)).Attribute("onesided", 1).Attribute("inverse", 1).Fails<InvalidGraphException>();
    }

    // Half a spectrum [3, half, 2, 2] by the definition: the other half is its conjugate.
    private static TensorBuffer Inverse(TensorBuffer half, int length)
    {
        double[] values = TestTensors.ToDoubles(half);
        int given = (int)half.Shape[1];
        double[] result = new double[3 * length * 2];
        for (int line = 0; line < 6; line++)
        {
            for (int j = 0; j < length; j++)
            {
                double sum = 0;
                for (int k = 0; k < Math.Min(given, length / 2 + 1); k++)
                {
                    int at = ((line / 2 * given + k) * 2 + line % 2) * 2;
                    double angle = 2 * Math.PI * k * j / length;
                    sum += (k == 0 || 2 * k == length ? 1 : 2) * (values[at] * Math.Cos(angle) - (k == 0 || 2 * k == length ? 0 : values[at + 1] * Math.Sin(angle)));
                }

                result[(line / 2 * length + j) * 2 + line % 2] = sum / length;
            }
        }

        return TestTensors.FromDoubles(half.ElementType, result, 3, length, 2, 1);
    }
}
