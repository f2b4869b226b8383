using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Tests.Rewrites;

namespace OnnxStream.Interop.Tests.Kernels;

[NativeMemoryLeakCheck]
public unsafe class GroupedConvolutionKernelTests
{
    // Rows of several neighbours and one left over, exactly seven, fewer; strides, dilations, uneven pads, kernels larger than the image.
    private static readonly (int Batch, int Height, int Width, int KernelHeight, int KernelWidth, int Stride, int Dilation, int Top, int Left, int Bottom, int Right)[] s_geometries =
    [
        (1, 5, 15, 3, 3, 1, 1, 1, 1, 1, 1),
        (2, 4, 7, 3, 3, 1, 1, 1, 1, 1, 1),
        (1, 7, 21, 3, 3, 2, 1, 1, 1, 1, 1),
        (2, 6, 4, 3, 2, 1, 1, 0, 1, 2, 0),
        (1, 9, 20, 3, 3, 1, 2, 2, 2, 2, 2),
        (1, 2, 9, 5, 1, 1, 1, 2, 0, 2, 0),
        (1, 3, 30, 1, 7, 3, 1, 0, 6, 0, 3),
    ];

    /// <summary>Every width, also those that this processor has no registers for.</summary>
    [Test]
    public void AgreesWithPlainArithmetic([Values(1, 4, 8, 16)] int lanes, [Values(1, 2, 4, 8, 16)] int group, [Values] bool hasBias)
    {
        if (group > lanes)
        {
            return;
        }

        // Blocks of single channels may overlap.
        int channels = group == 1 ? (2 * lanes) + 1 : 3 * lanes;
        using WorkerPool workers = new(2);
        foreach (var geometry in s_geometries)
        {
            ConvolutionParameters parameters = new()
            {
                PaddingTop = geometry.Top, PaddingLeft = geometry.Left, PaddingBottom = geometry.Bottom, PaddingRight = geometry.Right,
                KernelHeight = geometry.KernelHeight, KernelWidth = geometry.KernelWidth, StrideHeight = geometry.Stride, StrideWidth = geometry.Stride,
                DilationHeight = geometry.Dilation, DilationWidth = geometry.Dilation, Groups = channels / group, Low = -1, High = 1.5f,
            };
            Shape input = new(geometry.Batch, geometry.Height, geometry.Width, channels);
            Shape output = new(geometry.Batch, parameters.OutputHeight(geometry.Height), parameters.OutputWidth(geometry.Width), channels);
            int taps = geometry.KernelHeight * geometry.KernelWidth;
            float[] data = Numbers(1, input.ElementCount);
            float[] numbers = Numbers(2, channels * taps * group);
            float[] biases = Numbers(3, channels);
            float[] results = new float[output.ElementCount];
            PanelWeights weights = new(null, PanelLayout.OutputMajor, channels, group, taps);
            using Kernel kernel = lanes switch
            {
                16 => new GroupedConvolutionKernel<GroupVector16, Vector512<float>, Vector512<int>>(weights, hasBias, input, parameters, default, isConstant: true),
                8 => new GroupedConvolutionKernel<GroupVector8, Vector256<float>, Vector256<int>>(weights, hasBias, input, parameters, default, isConstant: true),
                1 => new GroupedConvolutionKernel<GroupVector1, float, int>(weights, hasBias, input, parameters, default, isConstant: true),
                _ => new GroupedConvolutionKernel<GroupVector4, Vector128<float>, Vector128<int>>(weights, hasBias, input, parameters, default, isConstant: true),
            };
            KernelContext context = new(workers, null!);
            fixed (float* x = data, w = numbers, b = biases, y = results)
            {
                context.Begin(new KernelCall("node", "Conv", [Type(input), Type(new Shape(numbers.Length)), Type(new Shape(channels))], [Type(output)]), null, 0, 0);
                context.SetInput(0, (byte*)x);
                context.SetInput(1, (byte*)w);
                context.SetInput(2, (byte*)b);
                context.SetOutput(0, (byte*)y);
                for (int run = 0; run < 2; run++)
                {
                    Array.Fill(results, float.NaN);
                    kernel.Run(context);
                    for (int i = 0; i < results.Length; i++)
                    {
                        Assert.That(results[i], Is.EqualTo(Math.Clamp(Convolve(i), -1, 1.5)).Within(1e-4), $"{geometry}, element {i}");
                    }
                }
            }

            double Convolve(int index)
            {
                (int pixel, int channel) = Math.DivRem(index, channels);
                (int line, int column) = Math.DivRem(pixel, (int)output[2]);
                (int item, int row) = Math.DivRem(line, (int)output[1]);
                double sum = hasBias ? biases[channel] : 0;
                for (int tap = 0; tap < taps; tap++)
                {
                    int i = row * geometry.Stride - geometry.Top + tap / geometry.KernelWidth * geometry.Dilation;
                    int k = column * geometry.Stride - geometry.Left + tap % geometry.KernelWidth * geometry.Dilation;
                    for (int c = 0; i >= 0 && i < geometry.Height && k >= 0 && k < geometry.Width && c < group; c++)
                    {
                        sum += (double)data[((item * geometry.Height + i) * geometry.Width + k) * channels + channel / group * group + c] * numbers[(channel * taps + tap) * group + c];
                    }
                }

                return sum;
            }
        }
    }

    [TestCase(4)]
    [TestCase(8)]
    [TestCase(16)]
    public void AgreesWithOnnxRuntime(int group)
    {
        foreach (bool isConstant in new[] { true, false })
        {
            PassTester tester = new PassTester { Tolerance = 1e-4 }.Input("x", TestTensors.Floats(1, 2, 32, 9, 16)).Input("w", TestTensors.Floats(2, 32, group, 3, 3), isConstant).Constant("b", TestTensors.Floats(3, 32))
                .Node("Conv", "x w b", "a", ("group", 32 / group), ("pads", new[] { 1, 1, 1, 1 })).Node("Clip", "a", "y").Output("y");
            tester.Check(threads: 2);
            bool fits = group <= (Vector512.IsHardwareAccelerated ? 16 : Vector256.IsHardwareAccelerated ? 8 : 4);
            Assert.That(tester.KernelNames(), Does.Contain(fits ? "convolution of small groups" : "xnn grouped convolution"));
        }
    }

    // What one group has no part in must not reach it, not even as a product with zero.
    [Test]
    public void NumbersOfOtherGroupsDoNotMatter()
    {
        float[] data = new float[16 * 9];
        data[0] = float.NaN;
        TensorBuffer result = new OperatorTester("Conv").Input(TensorBuffer.Create<float>(data, 1, 16, 3, 3)).Input(TestTensors.Floats(2, 16, 4, 3, 3)).Attribute("group", 4).Run();
        Assert.That(MemoryMarshal.Cast<byte, float>(result.Bytes).ToArray().Select(float.IsNaN), Is.EqualTo(Enumerable.Range(0, 16).Select(channel => channel < 4)));
    }

    private static TensorType Type(Shape shape) => new(ElementType.Float32, shape);

    private static float[] Numbers(int seed, long count) => MemoryMarshal.Cast<byte, float>(TestTensors.Floats(seed, count).Bytes).ToArray();
}
