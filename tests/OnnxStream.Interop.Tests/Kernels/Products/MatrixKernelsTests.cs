using System.Runtime.InteropServices;
using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using static OnnxStream.Interop.Bindings.Xnnpack;

namespace OnnxStream.Interop.Tests.Kernels;

/// <summary>The micro-kernels that multiply matrices, XNNPACK's or this library's own (native/avx512f.c), at every height that they have code for.</summary>
[NativeMemoryLeakCheck]
public unsafe class MatrixKernelsTests
{
    private const float Untouched = 12345;

    // Columns that end in the first, between, and in the second vector of a tile; more tiles than one.
    private static readonly int[] s_outputs = [1, 15, 16, 17, 31, 32, 33, 48, 63, 64, 70];

    [SetUp]
    public void Initialize() => XnnpackLibrary.Initialize();

    [Test]
    public void RowsTimesAMatrix([Values(1, 3, 40)] int inputs, [Values] bool isLimited)
    {
        (float low, float high) = isLimited ? (-0.5f, 0.75f) : (float.NegativeInfinity, float.PositiveInfinity);
        foreach (int outputs in s_outputs)
        {
            // Rows of the input and the output lie further apart than they are long.
            (int inputStride, int outputStride) = (inputs + 3, outputs + 5);
            float[] weights = Numbers(1, outputs * inputs);
            float[] biases = Numbers(2, outputs);
            xnn_operator* created;
            fixed (float* kernel = weights, bias = biases)
            {
                XnnpackLibrary.Check(xnn_create_fully_connected_nc_f32((nuint)inputs, (nuint)outputs, (nuint)inputStride, (nuint)outputStride, kernel, bias, low, high, 0, null, null, &created), "create");
            }

            using XnnOperatorHandle operation = new(created);
            for (int rows = 1; rows <= 30; rows++)
            {
                float[] data = Numbers(3, rows * inputStride + 16);
                float[] results = new float[rows * outputStride];
                Array.Fill(results, Untouched);
                fixed (float* input = data, output = results)
                {
                    XnnpackLibrary.Check(xnn_reshape_fully_connected_nc_f32(created, (nuint)rows, null), "reshape");
                    XnnpackLibrary.Check(xnn_setup_fully_connected_nc_f32(created, input, output), "setup");
                    XnnpackLibrary.Check(xnn_run_operator(created, null), "run");
                }

                for (int i = 0; i < results.Length; i++)
                {
                    (int row, int column) = Math.DivRem(i, outputStride);
                    double expected = column >= outputs ? Untouched : Math.Clamp(
                        biases[column] + Enumerable.Range(0, inputs).Sum(k => (double)data[row * inputStride + k] * weights[column * inputs + k]), low, high);
                    Assert.That(results[i], Is.EqualTo(expected).Within(1e-4), $"{outputs} outputs, row {row} of {rows}, column {column}");
                }
            }
        }
    }

    // The rows of the matrix are windows: found through addresses, zeros where they leave the image.
    [Test]
    public void Windows([Values(2, 5)] int channels, [Values(1, 2)] int stride, [Values(1, 2)] int batch)
    {
        const int Height = 3;
        foreach (int outputs in s_outputs)
        {
            float[] weights = Numbers(1, outputs * 9 * channels);
            float[] biases = Numbers(2, outputs);
            xnn_operator* created;
            fixed (float* kernel = weights, bias = biases)
            {
                XnnpackLibrary.Check(
                    xnn_create_convolution2d_nhwc_f32(
                        1, 1, 1, 1, 3, 3, (uint)stride, (uint)stride, 1, 1, 1, (nuint)channels, (nuint)outputs, (nuint)channels, (nuint)outputs + 5, kernel, bias,
                        float.NegativeInfinity, float.PositiveInfinity, 0, null, null, &created),
                    "create");
            }

            using XnnOperatorHandle operation = new(created);
            int outputHeight = (Height - 1) / stride + 1;
            for (int width = 1; width <= 18; width++)
            {
                int outputWidth = (width - 1) / stride + 1;
                float[] data = Numbers(3, batch * Height * width * channels + 16);
                float[] results = new float[batch * outputHeight * outputWidth * (outputs + 5)];
                Array.Fill(results, Untouched);
                nuint workspace = 0;
                nuint alignment = 0;
                fixed (float* input = data, output = results)
                {
                    XnnpackLibrary.Check(xnn_reshape_convolution2d_nhwc_f32(created, (nuint)batch, Height, (nuint)width, &workspace, &alignment, null, null, null), "reshape");
                    Assert.That((long)workspace, Is.Zero);
                    XnnpackLibrary.Check(xnn_setup_convolution2d_nhwc_f32(created, null, input, output), "setup");
                    XnnpackLibrary.Check(xnn_run_operator(created, null), "run");
                }

                for (int i = 0; i < results.Length; i++)
                {
                    (int pixel, int channel) = Math.DivRem(i, outputs + 5);
                    Assert.That(results[i], Is.EqualTo(channel >= outputs ? Untouched : Convolve(pixel, channel)).Within(1e-4), $"{outputs} outputs, width {width}, pixel {pixel}, channel {channel}");
                }

                double Convolve(int pixel, int output)
                {
                    double sum = biases[output];
                    int item = pixel / (outputHeight * outputWidth);
                    int top = pixel / outputWidth % outputHeight * stride - 1;
                    int left = pixel % outputWidth * stride - 1;
                    for (int tap = 0; tap < 9; tap++)
                    {
                        (int y, int x) = (top + tap / 3, left + tap % 3);
                        for (int channel = 0; y is >= 0 and < Height && x >= 0 && x < width && channel < channels; channel++)
                        {
                            sum += (double)data[((item * Height + y) * width + x) * channels + channel] * weights[(output * 9 + tap) * channels + channel];
                        }
                    }

                    return sum;
                }
            }
        }
    }

    private static float[] Numbers(int seed, int count) =>
        MemoryMarshal.Cast<byte, float>(TestTensors.Floats(seed, count).Bytes).ToArray();
}
