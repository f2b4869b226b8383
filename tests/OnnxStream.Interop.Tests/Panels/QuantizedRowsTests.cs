using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop.Tests.Panels;

[NativeMemoryLeakCheck]
public unsafe class QuantizedRowsTests
{
    // Shorter and longer than any vector, and longer than what one thread converts at a time.
    [Test]
    public void NumbersComeBackWithinHalfAStep([Values(1, 3, 15, 16, 17, 63, 64, 65, 200, 70_000)] int length, [Values(1, 4)] int threads, [Values(0f, 5f, -5f)] float shift)
    {
        const int Rows = 5;
        using WorkerPool workers = new(threads);
        float[] data = TestTensors.Floats(1, Rows, length + 3).Span<float>().ToArray();
        for (int i = 0; i < data.Length; i++)
        {
            data[i] += shift;
        }

        using NativeBuffer memory = new(QuantizedRows.Bytes(Rows, (long)Rows * length));
        fixed (float* x = data)
        {
            QuantizedRows.Write(memory.Pointer, x, Rows, length, length + 3, threads == 1 ? null : workers);
        }

        for (int row = 0; row < Rows; row++)
        {
            xnn_quantization_params parameters = QuantizedRows.Parameters(memory.Pointer)[row];
            ReadOnlySpan<float> numbers = data.AsSpan(row * (length + 3), length);
            double low = 0;
            double high = 0;
            foreach (float number in numbers)
            {
                (low, high) = (Math.Min(low, number), Math.Max(high, number));
            }

            Assert.That(parameters.scale, Is.EqualTo((high - low) / 255).Within(1e-6));
            Assert.That(parameters.zero_point, Is.InRange(-128, 127));
            for (int i = 0; i < length; i++)
            {
                // The ends of the range move by up to half a step because the zero point is a whole number.
                double back = (QuantizedRows.Elements(memory.Pointer)[row * length + i] - parameters.zero_point) * (double)parameters.scale;
                Assert.That(back, Is.EqualTo(numbers[i]).Within(1.01 * parameters.scale), $"row {row}, element {i}");
                if (numbers[i] > low + parameters.scale && numbers[i] < high - parameters.scale)
                {
                    Assert.That(back, Is.EqualTo(numbers[i]).Within(0.501 * parameters.scale), $"row {row}, element {i}");
                }
            }
        }
    }

    [Test]
    public void ParametersPastTheEndAreTheLastRows()
    {
        using NativeBuffer memory = new(QuantizedRows.Bytes(2, 20));
        float[] data = TestTensors.Floats(1, 2, 10).Span<float>().ToArray();
        fixed (float* x = data)
        {
            QuantizedRows.Write(memory.Pointer, x, 2, 10, 10, null);
        }

        xnn_quantization_params* parameters = QuantizedRows.Parameters(memory.Pointer);
        for (int i = 2; i < 18; i++)
        {
            Assert.That((parameters[i].scale, parameters[i].zero_point), Is.EqualTo((parameters[1].scale, parameters[1].zero_point)));
        }

        Assert.That((nint)QuantizedRows.Elements(memory.Pointer), Is.GreaterThanOrEqualTo((nint)(parameters + 18)));
    }

    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    [TestCase(float.NegativeInfinity)]
    public void RowThatIsNotFiniteHasNoScale(float value)
    {
        for (int position = 0; position < 37; position++)
        {
            float[] data = TestTensors.Floats(1, 3, 37).Span<float>().ToArray();
            data[37 + position] = value;
            using NativeBuffer memory = new(QuantizedRows.Bytes(3, 3 * 37));
            fixed (float* x = data)
            {
                QuantizedRows.Write(memory.Pointer, x, 3, 37, 37, null);
            }

            for (int row = 0; row < 3; row++)
            {
                Assert.That(float.IsNaN(QuantizedRows.Parameters(memory.Pointer)[row].scale), Is.EqualTo(row == 1), $"{position}");
            }
        }
    }

    [TestCase(0f)]
    [TestCase(1e-45f)]
    [TestCase(1e-38f)]
    [TestCase(float.MaxValue)]
    [TestCase(-float.MaxValue)]
    public void EveryRangeHasAScale(float largest)
    {
        float[] data = [0, largest / 2, largest, -largest, 0];
        using NativeBuffer memory = new(QuantizedRows.Bytes(1, 5));
        fixed (float* x = data)
        {
            QuantizedRows.Write(memory.Pointer, x, 1, 5, 5, null);
        }

        xnn_quantization_params parameters = QuantizedRows.Parameters(memory.Pointer)[0];
        Assert.That(float.IsNormal(parameters.scale), Is.True);
        for (int i = 0; i < 5; i++)
        {
            Assert.That((QuantizedRows.Elements(memory.Pointer)[i] - parameters.zero_point) * (double)parameters.scale, Is.EqualTo(data[i]).Within(1.01 * parameters.scale));
        }
    }

    [Test]
    public void ImagesAreDoubled([Values(1, 3)] int channels, [Values(1, 4)] int threads)
    {
        using WorkerPool workers = new(threads);
        Shape doubled = new(2, 10, 14, channels);
        float[] data = TestTensors.Floats(1, 2, 5, 7, channels).Span<float>().ToArray();
        using NativeBuffer memory = new(QuantizedRows.Bytes(2, doubled.ElementCount));
        using NativeBuffer single = new(QuantizedRows.Bytes(2, data.Length));
        fixed (float* x = data)
        {
            QuantizedRows.WriteDoubled(memory.Pointer, x, doubled, threads == 1 ? null : workers);
            QuantizedRows.Write(single.Pointer, x, 2, 35 * channels, 35 * channels, null);
        }

        for (int i = 0; i < doubled.ElementCount; i++)
        {
            int channel = i % channels;
            int column = i / channels % 14 / 2;
            int row = i / channels / 14 % 10 / 2;
            int image = i / channels / 140;
            Assert.That(QuantizedRows.Elements(memory.Pointer)[i], Is.EqualTo(QuantizedRows.Elements(single.Pointer)[((image * 5 + row) * 7 + column) * channels + channel]));
        }
    }
}
