using System.Runtime.InteropServices;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop.Tests.Panels;

/// <summary>Each format of the list: what is packed and stored comes back, and products with it are right.</summary>
[NativeMemoryLeakCheck]
public unsafe class PanelFormatTests
{
    private static readonly Dictionary<string, double> s_digits = new() { ["f32"] = 0, ["f16"] = 1.0 / 2048, ["bf16"] = 1.0 / 256, ["int8"] = 1.0 / 64, ["int4"] = 1.0 / 8 };

    private static readonly float[] s_special = [0, -0f, 1, -1, float.Epsilon, 1.1754944e-38f, 3.3e38f, -3.3e38f, float.PositiveInfinity, float.NegativeInfinity, float.NaN, 65504, 1.00390625f, 1.01171875f];

    public static IEnumerable<string> Identities => PanelFormats.All.Select(format => format.Identity);

    public static IEnumerable<string> Floats => PanelFormats.All.Where(format => !format.IsQuantized).Select(format => format.Identity);

    [Test]
    public void IdentitiesAreShortAndDifferent()
    {
        Assert.That(Identities, Is.Unique);
        Assert.That(Identities, Is.All.Matches<string>(identity => identity.Length is > 0 and <= 8 && identity.All(char.IsAsciiLetterOrDigit)));
        Assert.That(Identities, Is.EqualTo(s_digits.Keys), "a new format belongs into this test");
        Assert.That(PanelFormats.All.Select(format => format.StoredType), Is.Unique);
    }

    [TestCaseSource(nameof(Floats))]
    public void StoredNumbersComeBack(string identity)
    {
        PanelFormat format = Find(identity);
        float[] numbers = [.. s_special, .. TestTensors.Floats(1, 1043).Span<float>()];
        float[] encoded = [.. numbers];
        byte[] stored = format.Encode(MemoryMarshal.AsBytes(encoded.AsSpan())).ToArray();
        Assert.That(stored, Has.Length.EqualTo(format.StoredBytes(numbers.Length * sizeof(float))));
        float[] expanded = new float[numbers.Length + 1];
        expanded[^1] = 12345;

        // Stored bytes are not aligned in a file that somebody maps.
        byte[] shifted = [0, .. stored];
        fixed (byte* source = shifted)
        fixed (float* destination = expanded)
        {
            format.Expand(source + 1, (byte*)destination, numbers.Length * sizeof(float));
        }

        Assert.That(expanded[^1], Is.EqualTo(12345), "nothing is written past the end");
        for (int i = 0; i < numbers.Length; i++)
        {
            float expected = numbers[i];
            if (identity == "f16")
            {
                expected = (float)(Half)expected;
            }

            Assert.That(float.IsNaN(expanded[i]), Is.EqualTo(float.IsNaN(expected)), $"{numbers[i]}");
            Assert.That(float.IsInfinity(expanded[i]), Is.EqualTo(float.IsInfinity(expected)), $"{numbers[i]}");
            if (float.IsFinite(expected) && MathF.Abs(expected) >= 1.1754944e-38f)
            {
                Assert.That(expanded[i], Is.EqualTo(expected).Within(Math.Abs(expected) * s_digits[identity]), $"{numbers[i]}");
            }
        }
    }

    [TestCase("bf16", 1.00390625f, 1)] // halfway: to the even one below
    [TestCase("bf16", 1.01171875f, 1.015625f)] // halfway: to the even one above
    public void TiesGoToTheEvenNeighbour(string identity, float number, float expected)
    {
        PanelFormat format = Find(identity);
        float[] numbers = [number];
        byte[] stored = format.Encode(MemoryMarshal.AsBytes(numbers.AsSpan())).ToArray();
        float result;
        fixed (byte* source = stored)
        {
            format.Expand(source, (byte*)&result, sizeof(float));
        }

        Assert.That(result, Is.EqualTo(expected));
    }

    [Test]
    public void ProductsWithPackedWeights([ValueSource(nameof(Identities))] string identity, [Values] bool isInputMajor, [Values] bool isConvolution, [Values(1, 7, 33)] int outputs)
    {
        if (isInputMajor && isConvolution)
        {
            return;
        }

        XnnpackLibrary.Initialize();
        const int Rows = 5;
        PanelFormat format = Find(identity);
        int inputs = format.Takes(4096, 19, 1) ? 19 : 32;
        MatrixProduct product = new(inputs, isInputMajor) { IsConvolution = isConvolution, Low = -2, High = 1.5f };
        float[] weights = TestTensors.Floats(1, outputs, inputs).Span<float>().ToArray();
        float[] bias = TestTensors.Floats(2, outputs).Span<float>().ToArray();
        float[] data = TestTensors.Floats(3, Rows + 1, inputs).Span<float>().ToArray();
        (long bytes, _) = format.Measure(product, outputs, "test");
        using NativeBuffer packed = new(bytes);
        using NativeBuffer scratch = new(format.PackScratchBytes(product, outputs));
        using NativeBuffer converted = new(format.ConvertedBytes(product, Rows + 1));
        float[] results = new float[Rows * outputs];
        fixed (float* w = weights, b = bias, x = data, y = results)
        {
            format.Pack(product, outputs, w, b, scratch.Pointer, packed.Pointer, bytes, "test");
            using PanelOperator operation = PanelOperator.Create(format, product, outputs, hasBias: true, "test");
            operation.PointTo(packed.Pointer);
            operation.Run(Rows, null, format.Convert(product, Rows + 1, (byte*)x, converted.Pointer), 1, (byte*)y, null, "test");
        }

        for (int i = 0; i < results.Length; i++)
        {
            (int row, int output) = Math.DivRem(i, outputs);
            double sum = bias[output];
            for (int k = 0; k < inputs; k++)
            {
                sum += (double)data[(row + 1) * inputs + k] * weights[isInputMajor ? k * outputs + output : output * inputs + k];
            }

            Assert.That(results[i], Is.EqualTo(Math.Clamp(sum, -2, 1.5)).Within(format.IsQuantized ? 8 * s_digits[identity] : 1e-5));
        }
    }

    private static PanelFormat Find(string identity) => PanelFormats.All.Single(format => format.Identity == identity);
}
