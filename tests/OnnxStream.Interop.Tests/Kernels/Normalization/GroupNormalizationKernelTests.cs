using OnnxStream.Interop.Tests.Rewrites;

namespace OnnxStream.Interop.Tests.Kernels;

[NativeMemoryLeakCheck]
public class GroupNormalizationKernelTests
{
    [Test]
    public void Shapes(
        [Values] bool channelsLast,
        [Values(1, 6, 7, 8, 31, 32, 33, 40, 72)] int channels,
        [Values(1, 2, 63, 64, 65, 128, 4095, 4096, 4097)] int space,
        [Values(0, 1, 2)] int grouping)
    {
        int groups = grouping == 0 ? 1 : grouping == 1 ? channels : channels % 4 == 0 ? channels / 4 : channels % 3 == 0 ? channels / 3 : channels;
        if (channels / groups * space > 1 && (channels < 40 || space < 1000) && (channelsLast || groups != channels))
        {
            Check(Random(channels * space, 2, channels, space), groups, channelsLast, silu: (channels + space) % 2 == 0, threads: 1);
        }
    }

    [Test]
    public void Threads([Values] bool channelsLast, [Values(2, 3)] int threads) => Check(Random(1, 2, 64, 5001), 8, channelsLast, silu: true, threads);

    // A mean of a million deviations: what single precision can still tell apart must come out exact.
    [Test]
    public void LargeMean([Values] bool channelsLast, [Values(3, 64)] int channels, [Values(70, 5000)] int space, [Values(1e4, -1e4)] double mean, [Values(1, 0.01)] double deviation) =>
        Check(Random(1, 1, channels, space, mean, deviation), channels == 3 ? 1 : 8, channelsLast, silu: false, threads: 1, epsilon: 1e-10f);

    // The element that sums are relative to is far away from all others.
    [Test]
    public void FirstElementIsFarAway([Values] bool channelsLast, [Values(3, 64)] int channels, [Values(70, 20000)] int space)
    {
        TensorBuffer data = Random(1, 1, channels, space);
        data.Span<float>()[0] = 3000;
        Check(data, 1, channelsLast, silu: false, threads: 1, tolerance: 1e-4);
    }

    [Test]
    public void GroupsWithDifferentMeans([Values] bool channelsLast)
    {
        TensorBuffer data = Random(1, 2, 48, 300);
        Span<float> numbers = data.Span<float>();
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] += 1000 * (i / 300 % 48);
        }

        Check(data, 8, channelsLast, silu: false, threads: 1);
    }

    [Test]
    public void NoDeviation([Values] bool channelsLast, [Values(0f, 0.1f, 1e4f)] float number)
    {
        TensorBuffer data = new(ElementType.Float32, new Shape(1, 40, 100));
        data.Span<float>().Fill(number);
        Check(data, 4, channelsLast, silu: false, threads: 1);
    }

    private static TensorBuffer Random(int seed, int batch, int channels, int space, double mean = 0, double deviation = 1) =>
        TestTensors.Random(ElementType.Float32, seed, mean - 1.7 * deviation, mean + 1.7 * deviation, batch, channels, space);

    private static void Check(TensorBuffer data, int groups, bool channelsLast, bool silu, int threads, float epsilon = 1e-5f, double tolerance = 5e-6)
    {
        (long batch, long channels, long space) = (data.Shape[0], data.Shape[1], data.Shape[2]);
        TensorBuffer scale = TestTensors.Floats(2, channels, 1);
        TensorBuffer bias = TestTensors.Floats(3, channels, 1);

        // An image is normalized channels-last, a sequence as it is.
        long[] shape = channelsLast ? [batch, channels, space, 1] : [batch, channels, space];
        long[] parameters = channelsLast ? [channels, 1, 1] : [channels, 1];
        PassTester tester = new PassTester().Input("x", TensorBuffer.Create<float>(data.Span<float>(), shape)).Integers("grouped", batch, groups, -1).Integers("back", shape)
            .Constant("ones", TestTensors.Random(ElementType.Float32, 1, 1, 1, groups)).Constant("zeros", TestTensors.Random(ElementType.Float32, 1, 0, 0, groups))
            .Constant("scale", TensorBuffer.Create<float>(scale.Span<float>(), parameters)).Constant("bias", TensorBuffer.Create<float>(bias.Span<float>(), parameters));

        tester.Node("Reshape", "x grouped", "g").Node("InstanceNormalization", "g ones zeros", "i", ("epsilon", epsilon)).Node("Reshape", "i back", "n").Node("Mul", "n scale", "s").Node("Add", "s bias", silu ? "b" : "y");
        if (silu)
        {
            tester.Node("Sigmoid", "b", "sigmoid").Node("Mul", "b sigmoid", "y");
        }

        tester.Output("y");

        // Groups of one channel of a sequence need no Reshape: the pattern ends as an InstanceNormalization.
        tester.Has(channelsLast || groups != channels ? 1 : 0, "onnxstream.GroupNormalization");
        TensorBuffer actual = tester.Run(threads)["y"];
        double[] expected = Expected(data, scale, bias, groups, epsilon, silu);
        Span<float> numbers = actual.Span<float>();
        for (int i = 0; i < expected.Length; i++)
        {
            if (!(Math.Abs(numbers[i] - expected[i]) <= tolerance * (1 + Math.Abs(expected[i]))))
            {
                Assert.Fail($"element {i} of {batch} x {channels} x {space}, {groups} groups is {numbers[i]:R}, expected {expected[i]:R}");
            }
        }
    }

    private static double[] Expected(TensorBuffer data, TensorBuffer scale, TensorBuffer bias, int groups, double epsilon, bool silu)
    {
        int channels = (int)data.Shape[1];
        int space = (int)data.Shape[2];
        Span<float> x = data.Span<float>();
        double[] y = new double[x.Length];
        int length = channels / groups * space;
        for (int group = 0; group < x.Length / length; group++)
        {
            double mean = 0;
            for (int i = group * length; i < (group + 1) * length; i++)
            {
                mean += (double)x[i] / length;
            }

            double variance = 0;
            for (int i = group * length; i < (group + 1) * length; i++)
            {
                variance += (x[i] - mean) * (x[i] - mean) / length;
            }

            for (int i = group * length; i < (group + 1) * length; i++)
            {
                int c = i / space % channels;
                double value = (x[i] - mean) / Math.Sqrt(variance + epsilon) * scale.Span<float>()[c] + bias.Span<float>()[c];
                y[i] = silu ? value / (1 + Math.Exp(-value)) : value;
            }
        }

        return y;
    }
}
