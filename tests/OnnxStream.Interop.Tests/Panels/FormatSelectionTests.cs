using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop.Tests.Panels;

/// <summary>Networks that are only numbers: what each layer adds to the error is known.</summary>
public class FormatSelectionTests
{
    private const long Size = 1000;

    [Test]
    public void TheTargetIsMetWithFewerBytesThanASimplerChoice([Values(5, 40, 150)] int count, [Values(1, 2, 3)] int seed)
    {
        Network network = Network.Random(seed, count);
        long last = 0;
        foreach (double target in (double[])[0.5, 0.1, 0.02, 0.004, 0.0005])
        {
            (int[] choice, double error, double[] added) = network.Select(target);
            Assert.That(error, Is.LessThanOrEqualTo(target));
            Assert.That(error, Is.EqualTo(network.Measure(choice)).Within(1e-12));
            Assert.That(Math.Sqrt(added.Sum()), Is.EqualTo(error).Within(1e-6 + 1e-3 * error), "what layers add is all of it");
            long bytes = FormatSelection.Bytes(network.Layers, choice);
            Assert.That(bytes, Is.GreaterThanOrEqualTo(last), "a smaller error takes as many bytes or more");
            Assert.That(bytes, Is.LessThanOrEqualTo(network.Best(target) * 1.35 + Size), "not far from what is possible");
            last = bytes;
        }

        Assert.That(last, Is.GreaterThan(network.Smallest));
    }

    // Gains are only known for groups; the few layers that matter are found all the same.
    [Test]
    public void FewSensitiveLayersAreFound()
    {
        double[] gains = [.. Enumerable.Range(0, 128).Select(i => i is 17 or 80 or 81 ? 1.0 : 1e-5)];
        Network network = new(gains, [.. gains.Select(_ => new[] { 1e-2, 1e-4, 1e-7, 0 })]);
        (int[] choice, _, _) = network.Select(0.005);
        Assert.That(Enumerable.Range(0, 128).Where(i => choice[i] > 1), Is.EqualTo(new[] { 17, 80, 81 }));
        Assert.That(network.Measurements, Is.LessThanOrEqualTo(FormatSelection.MostMeasurements(24)));
    }

    [Test]
    public void ErrorsThatDoNotAddAsSquaresAreMeasured()
    {
        // As sums of their sizes, which is the worst that there is.
        Network network = Network.Random(4, 30);
        (int[] choice, double error, _) = network.Select(0.02, choice => network.Sizes(choice));
        Assert.That(error, Is.LessThanOrEqualTo(0.02).And.EqualTo(network.Sizes(choice)));
        Assert.That(FormatSelection.Bytes(network.Layers, choice), Is.LessThan(30 * 8 * Size), "not everything is exact");
    }

    [Test]
    public void AFormatThatGivesNoNumbersIsAvoided()
    {
        Network network = Network.Random(5, 20);
        (int[] choice, double error, _) = network.Select(0.05, choice => choice[7] < 2 ? double.PositiveInfinity : network.Measure(choice));
        Assert.That(choice[7], Is.GreaterThanOrEqualTo(2));
        Assert.That(error, Is.LessThanOrEqualTo(0.05));
    }

    [Test]
    public void WhatIsMeasuredDecidesAndNothingElse()
    {
        Network network = Network.Random(6, 60);
        (int[] first, _, _) = network.Select(0.02);
        (int[] second, _, _) = network.Select(0.02);
        Assert.That(second, Is.EqualTo(first));
    }

    [Test]
    public void NoLayersAndOneLayer()
    {
        Assert.That(new FormatSelection([], [([], 0)], 0, 0.1, _ => 0, 0).Select().Choice, Is.Empty);
        Network network = new([1], [[1e-2, 1e-4, 1e-7, 0]]);
        Assert.That(network.Select(0.2).Choice, Is.EqualTo(new[] { 0 }));
        Assert.That(network.Select(0.02).Choice, Is.EqualTo(new[] { 1 }));
        Assert.That(network.Select(1e-5).Choice, Is.EqualTo(new[] { 3 }));
    }

    // Four formats of 1, 2, 4 and 8 parts; the square of the error is the sum of gains times losses.
    private sealed class Network(double[] gains, double[][] losses)
    {
        private static readonly ElementType[] s_types = [ElementType.Int4, ElementType.Int8, ElementType.Float16, ElementType.Float32];

        public IReadOnlyList<IReadOnlyList<FormatOption>> Layers { get; } =
            [.. losses.Select((layer, i) => layer.Select((loss, option) => new FormatOption(s_types[option], (Size + 37 * (i % 11)) << option, loss)).ToArray())];

        public int Measurements { get; private set; }

        public long Smallest => FormatSelection.Bytes(Layers, new int[gains.Length]);

        public static Network Random(int seed, int count)
        {
            Random random = new(seed);
            double[] gains = [.. Enumerable.Range(0, count).Select(_ => Math.Pow(10, -3 * random.NextDouble()) / count)];
            return new Network(gains, [.. gains.Select(_ => (double[])[1e-2 * (0.5 + random.NextDouble()), 2e-4 * (0.5 + random.NextDouble()), 5e-8, 0])]);
        }

        public double Measure(int[] choice) => Math.Sqrt(choice.Select((option, layer) => gains[layer] * losses[layer][option]).Sum());

        public double Sizes(int[] choice) => choice.Select((option, layer) => Math.Sqrt(gains[layer] * losses[layer][option])).Sum();

        public (int[] Choice, double Error, double[] Added) Select(double target, Func<int[], double>? measure = null)
        {
            measure ??= Measure;
            Measurements = 0;
            int[] All(int option) => [.. Enumerable.Repeat(option, gains.Length)];
            return new FormatSelection(Layers, [.. Enumerable.Range(0, 3).Select(option => (All(option), measure(All(option))))], 0, target, Counted, Math.Min(24, gains.Length - 1)).Select();

            double Counted(int[] choice)
            {
                Measurements++;
                return measure(choice);
            }
        }

        // By steps along the best move, with all that is known.
        public long Best(double target)
        {
            int[] choice = new int[gains.Length];
            while (Measure(choice) > target)
            {
                int layer = Enumerable.Range(0, gains.Length).Where(i => choice[i] < 3).MaxBy(i =>
                    gains[i] * (losses[i][choice[i]] - losses[i][choice[i] + 1]) / (Layers[i][choice[i] + 1].Bytes - Layers[i][choice[i]].Bytes));
                choice[layer]++;
            }

            return FormatSelection.Bytes(Layers, choice);
        }
    }
}
