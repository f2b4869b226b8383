using System.Numerics.Tensors;

namespace OnnxStream.Interop.Tests.Operators;

/// <summary>
/// Convolutions by every kernel over the whole range of single precision, with numbers of very different sizes side by side, infinities and NaN,
/// against double precision. The bounds are those of docs/accuracy.md.
/// </summary>
[NativeMemoryLeakCheck]
public class ConvolutionRangeTests
{
    // Relative to the sum of the magnitudes of all products of a result. By Winograd's algorithm, with the largest weight of each kernel in place of all of it.
    private const double Bound = 2e-6;
    private const double WinogradBound = 1e-5;

    // What is below the normal numbers is taken for zero in places, and the transforms of Winograd's algorithm make numbers smaller.
    private const double SmallestProduct = 1e-36;

    private const int Size = 22;

    private static readonly Layer[] s_layers =
    [
        new("winograd convolution", 48, 64) { Pads = 1 },
        new("winograd convolution", 64, 52) { Pads = 0, HasBias = true },
        new("streamed winograd convolution", 256, 32) { Pads = 1, UsesStore = true },
        new("streamed winograd convolution", 256, 48) { Pads = 1, HasBias = true, UsesStore = true },
        new("xnn convolution", 20, 12) { Pads = 1 },
        new("xnn convolution", 20, 12) { Pads = 1, Stride = 2, HasBias = true },
        new("xnn convolution", 20, 12) { Pads = 2, Dilation = 2 },
        new("xnn convolution", 12, 9) { Kernel = 5, Pads = 3 },
        new("patch convolution", 3, 8) { Pads = 1, Stride = 2 },
        new("xnn fully connected", 24, 64) { Kernel = 1, HasBias = true },
        new("xnn convolution", 24, 16) { Kernel = 1, Stride = 2 },
        new("xnn grouped convolution", 9, 6) { Pads = 1, Groups = 3 },
        new("xnn grouped convolution", 1, 5) { Pads = 1 },
        new("xnn grouped convolution", 20, 20) { Pads = 1, Groups = 20 },
        new("xnn grouped convolution", 20, 40) { Pads = 1, Groups = 20 },
        new("xnn grouped convolution", 20, 20) { Kernel = 5, Pads = 2, Groups = 20, HasBias = true },
        new("xnn grouped convolution", 20, 20) { Kernel = 1, Groups = 20 },
        new("convolution of small groups", 32, 32) { Pads = 1, Groups = 8 },
        new("convolution of small groups", 21, 21) { Kernel = 7, Pads = 3, Groups = 21 },
        new("convolution of small groups", 5, 5) { Kernel = 1, Stride = 2, Groups = 5, HasBias = true },
        new("xnn deconvolution", 12, 6) { Kernel = 2, Stride = 2, IsTransposed = true },
        new("xnn deconvolution", 12, 6) { Kernel = 3, Stride = 2, Pads = 1, IsTransposed = true, HasBias = true },
        new("xnn deconvolution", 12, 6) { Kernel = 3, Dilation = 2, Groups = 2, IsTransposed = true },
        new("padded convolution", 6, 5) { Pads = 1, IsDeep = true },
        new("direct deconvolution", 6, 4) { Kernel = 2, Stride = 2, IsDeep = true, IsTransposed = true },
    ];

    [TestCaseSource(nameof(s_layers))]
    public void EveryExponent(Layer layer)
    {
        float[] numbers = Floats(1, layer.DataLength);
        using Runner runner = new(layer);
        for (int exponent = -149; exponent <= 120; exponent += 13)
        {
            double scale = Math.ScaleB(1, exponent);
            runner.Check([.. numbers.Select(number => (float)(number * scale))], $"times 2^{exponent}");
        }
    }

    // One number, one pixel, a half of the image, or every pixel of its own size.
    [TestCaseSource(nameof(s_layers))]
    public void LargeNumbersDoNotSpoilSmallOnes(Layer layer)
    {
        float[] numbers = Floats(1, layer.DataLength);
        using Runner runner = new(layer);
        foreach (float size in new[] { 30f, 1e3f, 1e7f, 1e20f, 1e37f })
        {
            float[] one = [.. numbers];
            one[layer.Index(layer.Channels / 2, 5, 6)] = size;
            runner.Check(one, $"one number of {size}");
            float[] alone = new float[numbers.Length];
            alone[layer.Index(0, 9, 10)] = -size;
            runner.Check(alone, $"nothing but a number of {-size}");
            runner.Check([.. numbers.Select((number, i) => layer.Place(i) is (7, 12) ? number * size : number)], $"a pixel of {size}");
            runner.Check([.. numbers.Select((number, i) => layer.Place(i).Column > 9 ? number * size : number)], $"a half of {size}");
        }

        Random random = new(3);
        double[] sizes = [.. Enumerable.Range(0, Size * Size).Select(_ => Math.Pow(10, random.Next(-20, 20)))];
        runner.Check([.. numbers.Select((number, i) => (float)(number * sizes[layer.Place(i).Row * Size + layer.Place(i).Column]))], "every pixel of its own size");
        runner.Check([.. numbers.Select((number, i) => layer.Place(i).Row < 11 ? 0 : number * 1e7f)], "a half of zeros");
    }

    [TestCaseSource(nameof(s_layers))]
    public void WhatIsNoFiniteNumberStaysInItsWindows(Layer layer)
    {
        float[] numbers = Floats(1, layer.DataLength);
        using Runner runner = new(layer);
        foreach (float special in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity })
        {
            foreach ((int row, int column) in new[] { (0, 0), (4, 7), (10, 5), (Size - 1, Size - 1) })
            {
                float[] data = [.. numbers];
                data[layer.Index(layer.Channels - 1, row, column)] = special;
                runner.Check(data, $"{special} at {row}, {column}");
            }

            runner.Check([.. numbers.Select((number, i) => layer.Place(i) is (5, 5) ? special : number)], $"a pixel of {special}");
        }

        float[] several = [.. numbers];
        several[layer.Index(0, 3, 3)] = float.PositiveInfinity;
        several[layer.Index(layer.Channels - 1, 4, 4)] = float.NegativeInfinity;
        several[layer.Index(0, 12, 12)] = float.MaxValue;
        runner.Check(several, "several");
    }

    private static float[] Floats(int seed, long count) => TestTensors.Random(ElementType.Float32, seed, -1, 1, count).Span<float>().ToArray();

    /// <summary>A convolution that one kernel is for.</summary>
    public sealed record Layer(string KernelName, int Channels, int Outputs)
    {
        public int Kernel { get; init; } = 3;

        public int Stride { get; init; } = 1;

        public int Dilation { get; init; } = 1;

        public int Pads { get; init; }

        public int Groups { get; init; } = 1;

        public bool HasBias { get; init; }

        public bool UsesStore { get; init; }

        public bool IsTransposed { get; init; }

        public bool IsDeep { get; init; }

        public bool IsWinograd => KernelName.Contains("winograd", StringComparison.Ordinal);

        // Three dimensions: two images behind each other, and a kernel of one.
        public int Depth => IsDeep ? 2 : 1;

        public long DataLength => (long)Channels * Depth * Size * Size;

        public int Extent => Dilation * (Kernel - 1) + 1;

        public int OutputSize => IsTransposed ? (Size - 1) * Stride + Extent - 2 * Pads : (Size + 2 * Pads - Extent) / Stride + 1;

        public int Index(int channel, int row, int column) => (channel * Depth * Size + row) * Size + column;

        public (int Row, int Column) Place(int index) => (index / Size % Size, index % Size);
    }

    // The layer in a session, and in double precision.
    private sealed class Runner : IDisposable
    {
        private readonly TemporaryFolder _folder = new();
        private readonly InferenceSession _session;
        private readonly Layer _layer;
        private readonly float[] _weights;
        private readonly float[] _biases;
        private readonly long[] _shape;

        public Runner(Layer layer)
        {
            _layer = layer;
            int[] spatial = layer.IsDeep ? [1, layer.Kernel, layer.Kernel] : [layer.Kernel, layer.Kernel];
            long[] shape = layer.IsTransposed ? [layer.Channels, layer.Outputs / layer.Groups, .. spatial] : [layer.Outputs, layer.Channels / layer.Groups, .. spatial];
            TensorBuffer weights = TestTensors.Random(ElementType.Float32, 2, -0.1, 0.1, shape);
            TensorBuffer biases = TestTensors.Floats(3, layer.Outputs);
            (_weights, _biases) = (weights.Span<float>().ToArray(), biases.Span<float>().ToArray());
            _shape = layer.IsDeep ? [1, layer.Channels, layer.Depth, Size, Size] : [1, layer.Channels, Size, Size];
            int[] pads = layer.IsDeep ? [0, layer.Pads, layer.Pads, 0, layer.Pads, layer.Pads] : [layer.Pads, layer.Pads, layer.Pads, layer.Pads];
            ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, _shape).Output("y").Initializer("w", weights).Initializer("b", biases)
                .Node(
                    layer.IsTransposed ? "ConvTranspose" : "Conv", layer.HasBias ? "x w b" : "x w", "y", ("pads", pads), ("group", (long)layer.Groups),
                    ("strides", layer.IsDeep ? [1, layer.Stride, layer.Stride] : new[] { layer.Stride, layer.Stride }),
                    ("dilations", layer.IsDeep ? [1, layer.Dilation, layer.Dilation] : new[] { layer.Dilation, layer.Dilation }));
            _session = new InferenceSession(
                _folder.Write("model.onnx", model.ToBytes()),
                new SessionOptions { ThreadCount = 2, PanelStore = layer.UsesStore ? PanelStoreOptions.File(_folder["store.panels"]) : PanelStoreOptions.Off });
        }

        public void Check(float[] data, string name)
        {
            Assert.That(_session.Plan().Steps.Select(step => step.KernelName), Does.Contain(_layer.KernelName));
            float[] actual = _session.Run(new Dictionary<string, TensorBuffer> { ["x"] = TensorBuffer.Create<float>(data, _shape) })["y"].Span<float>().ToArray();
            (double[] expected, double[] magnitudes) = Compute(data);
            Assert.That(actual, Has.Length.EqualTo(expected.Length));
            int products = _layer.Channels / _layer.Groups * _layer.Kernel * _layer.Kernel;
            List<string> wrong = [];
            for (int i = 0; i < actual.Length; i++)
            {
                bool isRight = double.IsFinite(expected[i])
                    ? Math.Abs(actual[i] - expected[i]) <= (_layer.IsWinograd ? WinogradBound : Bound) * magnitudes[i] + products * SmallestProduct
                    : actual[i].Equals((float)expected[i]);
                if (!isRight)
                {
                    wrong.Add($"{actual[i]:R}, not {expected[i]:R} of {magnitudes[i]:R} at {i}");
                }
            }

            Assert.That(wrong, Is.Empty, $"{name}: {wrong.Count} of {actual.Length} are wrong");
        }

        public void Dispose()
        {
            _session.Dispose();
            _folder.Dispose();
        }

        // Each product once: results, and the sums of magnitudes.
        private (double[] Results, double[] Magnitudes) Compute(float[] data)
        {
            int size = _layer.OutputSize;
            int plane = _layer.Depth * size * size;
            double[] results = new double[_layer.Outputs * plane];
            double[] magnitudes = new double[results.Length];
            int inputs = _layer.Channels / _layer.Groups;
            int outputs = _layer.Outputs / _layer.Groups;
            int taps = _layer.Kernel * _layer.Kernel;
            for (int output = 0; output < _layer.Outputs; output++)
            {
                int group = output / outputs;
                for (int input = 0; input < inputs; input++)
                {
                    ReadOnlySpan<float> kernel = _weights.AsSpan((_layer.IsTransposed ? (group * inputs + input) * outputs + output % outputs : output * inputs + input) * taps, taps);
                    double largest = TensorPrimitives.MaxMagnitude(kernel);
                    for (int tap = 0; tap < taps; tap++)
                    {
                        Add(group * inputs + input, output, tap / _layer.Kernel, tap % _layer.Kernel, kernel[tap], _layer.IsWinograd ? Math.Abs(largest) : Math.Abs(kernel[tap]));
                    }
                }

                double bias = _layer.HasBias ? _biases[output] : 0;
                for (int i = output * plane; i < (output + 1) * plane; i++)
                {
                    results[i] += bias;
                    magnitudes[i] += Math.Abs(bias);
                }
            }

            return (results, magnitudes);

            void Add(int input, int output, int kernelRow, int kernelColumn, double weight, double magnitude)
            {
                // Windows slide over the larger of the two images.
                int windows = _layer.IsTransposed ? Size : size;
                int other = _layer.IsTransposed ? size : Size;
                for (int z = 0; z < _layer.Depth; z++)
                {
                    for (int row = 0; row < windows; row++)
                    {
                        int otherRow = row * _layer.Stride - _layer.Pads + kernelRow * _layer.Dilation;
                        for (int column = 0; column < windows && otherRow >= 0 && otherRow < other; column++)
                        {
                            int otherColumn = column * _layer.Stride - _layer.Pads + kernelColumn * _layer.Dilation;
                            if (otherColumn < 0 || otherColumn >= other)
                            {
                                continue;
                            }

                            int dataIndex = ((input * _layer.Depth + z) * Size + (_layer.IsTransposed ? row : otherRow)) * Size + (_layer.IsTransposed ? column : otherColumn);
                            int result = ((output * _layer.Depth + z) * size + (_layer.IsTransposed ? otherRow : row)) * size + (_layer.IsTransposed ? otherColumn : column);
                            double product = data[dataIndex] * weight;
                            results[result] += product;
                            magnitudes[result] += Math.Abs(data[dataIndex]) * magnitude;
                        }
                    }
                }
            }
        }
    }
}
