using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Tests.Kernels;

/// <summary>Rows of a quantized matrix times rows of data, against sums in double precision.</summary>
public unsafe class QuantizedDotProductTests
{
    // Ten roundings, of the sum of magnitudes, where a number and its zero point are two: they may be subtracted after they were multiplied.
    private const double Tolerance = 6e-7;

    private const int Outputs = 5;

    public enum Numbers
    {
        Ordinary,
        Zero,
        Denormal,
        Tiny,
        Huge,
        OneIsLarge,
        OneIsVeryLarge,
        OneIsHuge,
        OneIsNotANumber,
        OneIsInfinite,
    }

    [OneTimeSetUp]
    public void Start() => XnnpackLibrary.Initialize();

    [Test]
    public void ProductsAreThoseOfTheNumbers(
        [Values(ElementType.UInt4, ElementType.Int4, ElementType.UInt8, ElementType.Int8, ElementType.Float4E2M1)] ElementType type,
        [Values(32, 96, 160, 1056)] int length,
        [Values(32, 64, 96, 256)] int block,
        [Values] bool ownZeroPoints,
        [Values] Numbers numbers)
    {
        const int Rows = 6;
        block = Math.Min(block, length);
        int blocks = (length + block - 1) / block;
        Random random = new(length + block);
        byte[] stored = new byte[Outputs * length / type.PerByte()];
        random.NextBytes(stored);
        float[] scales = [.. Enumerable.Range(0, Outputs * blocks).Select(_ => random.NextSingle() - 0.5f)];
        float[] zeroPoints = [.. Enumerable.Range(0, ownZeroPoints ? Outputs * blocks : 1).Select(_ => (float)random.Next(16))];
        float[] data = new float[Rows * length];
        for (int row = 0; row < Rows; row++)
        {
            // Rows differ, so that one which is computed in another way stands between others.
            Fill(data.AsSpan(row * length, length), row % 3 == 1 ? Numbers.Ordinary : numbers, random);
        }

        float[] results = Multiply(QuantizedDotProduct.Create(type, length, block), stored, length / type.PerByte(), scales, zeroPoints, ownZeroPoints, data, length, Rows);
        float[] quantized = Expand(type, stored);
        for (int row = 0; row < Rows; row++)
        {
            for (int output = 0; output < Outputs; output++)
            {
                double sum = 0, magnitude = 0;
                for (int i = 0; i < length; i++)
                {
                    int of = output * blocks + i / block;
                    double scaled = (double)data[row * length + i] * scales[of];
                    float number = quantized[output * length + i];
                    float zeroPoint = zeroPoints[ownZeroPoints ? of : 0];
                    sum += scaled * (number - zeroPoint);
                    magnitude += Math.Abs(scaled) * (Math.Abs(number) + Math.Abs(zeroPoint));
                }

                float result = results[row * Outputs + output];
                string where = $"row {row}, output {output}";
                if (double.IsNaN(sum) || double.IsInfinity(sum))
                {
                    Assert.That(result, Is.EqualTo((float)sum), where);
                }
                else if (magnitude < float.MaxValue)
                {
                    Assert.That(result, Is.EqualTo(sum).Within(magnitude * Tolerance + float.Epsilon * length), where);
                }
            }
        }
    }

    [Test]
    public void AnInfiniteScaleGivesWhatItsNumbersGive([Values(ElementType.UInt4, ElementType.Int4)] ElementType type)
    {
        // The numbers of a block are as often above the zero point as below: plus and minus infinity.
        byte[] stored = [.. Enumerable.Repeat((byte)0x9F, Outputs * 16)];
        float[] scales = [float.PositiveInfinity, 1, float.NaN, 1, float.NegativeInfinity];
        float[] data = [.. Enumerable.Repeat(1f, 32)];
        float zeroPoint = type == ElementType.Int4 ? -4 : 12;
        float[] results = Multiply(QuantizedDotProduct.Create(type, 32, 32), stored, 16, scales, [zeroPoint], false, data, 32, 1);
        Assert.That(results, Is.EqualTo((float[])[float.NaN, 0, float.NaN, 0, float.NaN]).Within(32 * 27 * Tolerance));
    }

    private static void Fill(Span<float> data, Numbers numbers, Random random)
    {
        float scale = numbers switch { Numbers.Zero => 0, Numbers.Denormal => 1e-42f, Numbers.Tiny => 1e-33f, Numbers.Huge => 1e36f, _ => 1 };
        foreach (ref float number in data)
        {
            number = (random.NextSingle() - 0.5f) * scale;
        }

        float special = numbers switch { Numbers.OneIsLarge => 60, Numbers.OneIsVeryLarge => 300, Numbers.OneIsHuge => 1e30f, Numbers.OneIsNotANumber => float.NaN, Numbers.OneIsInfinite => float.NegativeInfinity, _ => data[^3] };
        data[^3] = special;
    }

    private static float[] Multiply(
        QuantizedDotProduct product, byte[] stored, int storedStride, float[] scales, float[] zeroPoints, bool ownZeroPoints, float[] data, int length, int rows)
    {
        float[] results = new float[rows * Outputs];
        byte[] arranged = GC.AllocateUninitializedArray<byte>(checked((int)product.ArrangedBytes * rows), pinned: true);
        fixed (byte* bytes = stored)
        fixed (float* allScales = scales, allZeroPoints = zeroPoints, allData = data, allResults = results)
        {
            fixed (byte* arrangedBytes = arranged)
            {
                for (int row = 0; row < rows; row++)
                {
                    product.Arrange(allData + row * length, arrangedBytes + row * product.ArrangedBytes);
                }

                product.Multiply(new QuantizedPart(
                    (nint)bytes, storedStride, Outputs, (nint)allScales, (nint)allZeroPoints, ownZeroPoints ? 1 : 0, (nint)arrangedBytes, (nint)allData, rows, (nint)allResults, Outputs));
            }
        }

        return results;
    }

    private static float[] Expand(ElementType type, byte[] stored)
    {
        float[] expanded = new float[stored.Length * type.PerByte()];
        for (int i = 0; i < expanded.Length; i++)
        {
            int code = type.PerByte() == 2 ? (stored[i / 2] >> (4 * (i % 2))) & 15 : stored[i];
            expanded[i] = type switch
            {
                ElementType.UInt4 or ElementType.UInt8 => code,
                ElementType.Int4 => code >= 8 ? code - 16 : code,
                ElementType.Int8 => (sbyte)code,
                _ => (code >= 8 ? -1 : 1) * ((float[])[0, 0.5f, 1, 1.5f, 2, 3, 4, 6])[code & 7],
            };
        }

        return expanded;
    }
}
