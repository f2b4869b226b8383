namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class CausalConvOfMicrosoftTests
{
    [Test]
    public void ChannelsFirst([Values("none", "silu", "swish", null)] string? activation, [Values] bool hasBias, [Values] bool hasPast, [Values(1, 4)] int kernel) => Make(activation, hasBias, hasPast, kernel).Check();

    // The same numbers in another order.
    [Test]
    public void ChannelsLast([Values] bool hasPast)
    {
        RunResult first = Make("silu", hasBias: true, hasPast, 4).RunAll();
        OperatorTester tester = new OperatorTester("CausalConvWithState", 17, "com.microsoft").Input(Turned(TestTensors.Floats(1, 2, 6, 5), 2, 3)).Input(TestTensors.Floats(2, 6, 1, 4)).Input(TestTensors.Floats(3, 6));
        tester.Input(hasPast ? Turned(TestTensors.Floats(4, 2, 6, 3), 2, 3) : null).Output(ElementType.Float32).Output(ElementType.Float32).Attribute("activation", "silu").Attribute("channels_last", 1).CheckAgainst(_ => [Turned(first["o0"], 2, 3), Turned(first["o1"], 2, 3)]);
    }

    [TestCase("ndim", 2)]
    [TestCase("dilation", 2)]
    [TestCase("state_window", 1)]
    public void Refusals(string attribute, int value) => Make("none", hasBias: false, hasPast: false, 3).Attribute(attribute, value).Fails<UnsupportedOperatorException>();

    private static OperatorTester Make(string? activation, bool hasBias, bool hasPast, int kernel)
    {
        OperatorTester tester = new OperatorTester("CausalConvWithState", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 6, 5)).Input(TestTensors.Floats(2, 6, 1, kernel)).Input(hasBias ? TestTensors.Floats(3, 6) : null).Input(hasPast && kernel > 1 ? TestTensors.Floats(4, 2, 6, kernel - 1) : null);
        _ = activation is null ? tester : tester.Attribute("activation", activation);
        return tester.Output(ElementType.Float32).Output(ElementType.Float32);
    }

    // [B, C, L] as [B, L, a, b], where a * b is C.
    private static TensorBuffer Turned(TensorBuffer tensor, int a, int b)
    {
        double[] numbers = TestTensors.ToDoubles(tensor);
        (int channels, int length) = ((int)tensor.Shape[1], (int)tensor.Shape[2]);
        return TestTensors.FromDoubles(ElementType.Float32, [.. from item in Enumerable.Range(0, (int)tensor.Shape[0]) from place in Enumerable.Range(0, length) from channel in Enumerable.Range(0, channels) select numbers[(item * channels + channel) * length + place]], tensor.Shape[0], length, a, b);
    }
}
