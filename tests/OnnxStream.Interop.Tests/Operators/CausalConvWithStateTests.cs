namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class CausalConvWithStateTests
{
    [Test]
    public void Values([Values(1, 2, 9)] int length, [Values(1, 4, 5)] int kernel, [Values] bool hasBias, [Values] bool hasPast, [Values("none", "silu", "swish")] string activation) =>
        Check(ElementType.Float32, 1e-5, 2, 3, length, kernel, hasBias, hasPast, activation);

    [TestCase(ElementType.Float64, 1e-12)]
    [TestCase(ElementType.Float16, 1.0 / 256)]
    [TestCase(ElementType.BFloat16, 1.0 / 32)]
    public void Types(ElementType type, double tolerance) => Check(type, tolerance, 1, 2, 6, 4, true, true, "silu");

    // What one run gives for all elements, two runs give for the two halves.
    [Test]
    public void StateGoesOn()
    {
        TensorBuffer input = TestTensors.Floats(1, 1, 3, 8);
        TensorBuffer weight = TestTensors.Floats(2, 3, 1, 4);
        RunResult all = Tester(input, weight, null, null, "silu").RunAll();
        RunResult first = Tester(Part(input, 0, 5), weight, null, null, "silu").RunAll();
        RunResult second = Tester(Part(input, 5, 3), weight, null, first["o1"], "silu").RunAll();
        TestTensors.AssertClose(first["o0"], Part(all["o0"], 0, 5), 1e-6, "first part");
        TestTensors.AssertClose(second["o0"], Part(all["o0"], 5, 3), 1e-6, "second part");
        TestTensors.AssertClose(second["o1"], all["o1"], 0, "state");
    }

    [Test]
    public void RefusesWrongNodes()
    {
        TensorBuffer input = TestTensors.Floats(1, 1, 3, 8);
        TensorBuffer weight = TestTensors.Floats(2, 3, 1, 4);
        Tester(input, weight, null, null, "relu").Fails<InvalidGraphException>();
        Tester(input, TestTensors.Floats(2, 3, 3, 4), null, null, "none").Fails<InvalidGraphException>();
        Tester(input, TestTensors.Floats(2, 2, 1, 4), null, null, "none").Fails<InvalidGraphException>();
        Tester(TestTensors.Floats(1, 3, 8), weight, null, null, "none").Fails<InvalidGraphException>();
        Tester(input, weight, TestTensors.Floats(3, 2), null, "none").Fails<InvalidGraphException>();
        Tester(input, weight, null, TestTensors.Floats(3, 1, 3, 4), "none").Fails<InvalidGraphException>();
        Tester(input, weight, TestTensors.Rounded(ElementType.Float16, 3, 3), null, "none").Fails<InvalidGraphException>();
    }

    private static OperatorTester Tester(TensorBuffer input, TensorBuffer weight, TensorBuffer? bias, TensorBuffer? past, string activation, double tolerance = 1e-5) =>
        new OperatorTester("CausalConvWithState", 27) { Tolerance = tolerance }.Input(input).Input(weight).Input(bias).Input(past).Attribute("activation", activation).Output(input.ElementType).Output(input.ElementType);

    private static void Check(ElementType type, double tolerance, int batch, int channels, int length, int kernel, bool hasBias, bool hasPast, string activation)
    {
        TensorBuffer input = TestTensors.Random(type, 1, -2, 2, batch, channels, length);
        TensorBuffer weight = TestTensors.Random(type, 2, -1, 1, channels, 1, kernel);
        TensorBuffer? bias = hasBias ? TestTensors.Random(type, 3, -1, 1, channels) : null;
        TensorBuffer? past = hasPast ? TestTensors.Random(type, 4, -2, 2, batch, channels, kernel - 1) : null;
        Tester(input, weight, bias, past, activation, tolerance).CheckAgainst(_ =>
        {
            double[] x = TestTensors.ToDoubles(input);
            double[] w = TestTensors.ToDoubles(weight);
            double[]? p = past is null ? null : TestTensors.ToDoubles(past);
            double[] y = new double[x.Length];
            double[] state = new double[batch * channels * (kernel - 1)];
            for (int line = 0; line < batch * channels; line++)
            {
                double At(int position) => position >= 0 ? x[line * length + position] : p is null ? 0 : p[line * (kernel - 1) + kernel - 1 + position];
                for (int i = 0; i < length; i++)
                {
                    double sum = bias is null ? 0 : TestTensors.ToDoubles(bias)[line % channels];
                    for (int k = 0; k < kernel; k++)
                    {
                        sum += w[line % channels * kernel + k] * At(i - kernel + 1 + k);
                    }

                    y[line * length + i] = activation == "none" ? sum : sum / (1 + Math.Exp(-sum));
                }

                for (int k = 0; k < kernel - 1; k++)
                {
                    state[line * (kernel - 1) + k] = At(length - kernel + 1 + k);
                }
            }

            return [TestTensors.FromDoubles(type, y, batch, channels, length), TestTensors.FromDoubles(type, state, batch, channels, kernel - 1)];
        });
    }

    private static TensorBuffer Part(TensorBuffer tensor, int start, int count)
    {
        int length = (int)tensor.Shape[2];
        double[] values = TestTensors.ToDoubles(tensor);
        return TestTensors.FromDoubles(tensor.ElementType, [.. values.Where((_, i) => i % length >= start && i % length < start + count)], tensor.Shape[0], tensor.Shape[1], count);
    }
}
