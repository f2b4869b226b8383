namespace OnnxStream.Interop.Tests.Operators;

// ONNX Runtime has the operators on graphics processors only.
[NativeMemoryLeakCheck]
public class GroupNormTests
{
    private const int Items = 2;
    private const int Channels = 8;
    private const int Groups = 4;
    private const int Pixels = 12;

    [Test]
    public void Normalises([Values(0, 1)] int activation, [Values(0, 1)] int channelsLast) =>
        new OperatorTester("GroupNorm", 17, "com.microsoft") { Tolerance = 1e-4 }.Input(Image(1, channelsLast)).Input(TestTensors.Floats(2, Channels)).Input(TestTensors.Floats(3, Channels))
            .Attribute("groups", Groups).Attribute("activation", activation).Attribute("channels_last", channelsLast).Attribute("epsilon", 0.01f)
            .CheckAgainst(inputs => [Image(channelsLast, Expected(TestTensors.ToDoubles(inputs[0]), inputs[1], inputs[2], activation, channelsLast))]);

    [Test]
    public void NormalisesASum([Values(0, 1)] int activation, [Values(0, 1)] int channelsLast, [Values] bool isWhole, [Values] bool hasBias)
    {
        OperatorTester tester = new OperatorTester("SkipGroupNorm", 17, "com.microsoft") { Tolerance = 1e-4 }.Input(Image(1, channelsLast)).Input(TestTensors.Floats(2, Channels)).Input(TestTensors.Floats(3, Channels)).Input(isWhole ? Image(4, channelsLast) : TestTensors.Floats(4, Items, Channels));
        _ = hasBias ? tester.Input(TestTensors.Floats(5, Channels)) : tester;
        tester.Attribute("groups", Groups).Attribute("activation", activation).Attribute("channels_last", channelsLast).Attribute("epsilon", 0.01f).Output(ElementType.Float32).Output(ElementType.Float32).CheckAgainst(inputs =>
        {
            double[] skip = TestTensors.ToDoubles(inputs[3]);
            double[] sum = [.. TestTensors.ToDoubles(inputs[0]).Select((x, i) => x + (isWhole ? skip[i] : skip[i / (Channels * Pixels) * Channels + Channel(i, channelsLast)]) + (hasBias ? TestTensors.ToDoubles(inputs[4])[Channel(i, channelsLast)] : 0))];
            return [Image(channelsLast, Expected(sum, inputs[1], inputs[2], activation, channelsLast)), Image(channelsLast, sum)];
        });
    }

    [Test]
    public void WrongInputs()
    {
        new OperatorTester("GroupNorm", 17, "com.microsoft").Input(Image(1, 1)).Input(TestTensors.Floats(2, Channels)).Input(TestTensors.Floats(3, Channels)).Attribute("groups", 3).Attribute("activation", 0).Fails<InvalidGraphException>();
        new OperatorTester("GroupNorm", 17, "com.microsoft").Input(Image(1, 1)).Input(TestTensors.Floats(2, Channels)).Input(TestTensors.Floats(3, Channels)).Attribute("groups", 4).Attribute("activation", 2).Fails<InvalidGraphException>();
        new OperatorTester("SkipGroupNorm", 17, "com.microsoft").Input(Image(1, 1)).Input(TestTensors.Floats(2, Channels)).Input(TestTensors.Floats(3, Channels)).Input(TestTensors.Floats(4, Items, 2)).Attribute("groups", 4).Attribute("activation", 0).Fails<InvalidGraphException>();
    }

    private static TensorBuffer Image(int seed, int channelsLast) => Image(channelsLast, TestTensors.ToDoubles(TestTensors.Floats(seed, Items * Channels * Pixels)));

    private static TensorBuffer Image(int channelsLast, double[] numbers) => TestTensors.FromDoubles(ElementType.Float32, numbers, channelsLast == 0 ? [Items, Channels, 3, 4] : [Items, 3, 4, Channels]);

    private static int Channel(int index, int channelsLast) => channelsLast == 0 ? index / Pixels % Channels : index % Channels;

    private static double[] Expected(double[] numbers, TensorBuffer scale, TensorBuffer bias, int activation, int channelsLast)
    {
        int Group(int i) => i / (Channels * Pixels) * Groups + Channel(i, channelsLast) / (Channels / Groups);
        double[] means = [.. Enumerable.Range(0, Items * Groups).Select(group => numbers.Where((_, i) => Group(i) == group).Average())];
        double[] variances = [.. Enumerable.Range(0, Items * Groups).Select(group => numbers.Where((_, i) => Group(i) == group).Average(x => (x - means[group]) * (x - means[group])))];
        return [.. numbers.Select((x, i) => (x - means[Group(i)]) / Math.Sqrt(variances[Group(i)] + 0.01) * TestTensors.ToDoubles(scale)[Channel(i, channelsLast)] + TestTensors.ToDoubles(bias)[Channel(i, channelsLast)]).Select(x => activation == 0 ? x : x / (1 + Math.Exp(-x)))];
    }
}
