namespace OnnxStream.Interop.Tests.Kernels;

/// <summary>A square convolution of images whose channels come last, and its plain loops.</summary>
public sealed record ConvolutionShape(int Batch, int Height, int Width, int Inputs, int Outputs, int Kernel, int Pad,
    int Stride, int Dilation, int Groups)
{
    private int GroupInputs => Inputs / Groups;

    private int OutputHeight => OutputSize(Height);

    private int OutputWidth => OutputSize(Width);

    public int InputCount => Batch * Height * Width * Inputs;

    public int OutputCount => Batch * OutputHeight * OutputWidth * Outputs;

    public int WeightCount => Outputs * Kernel * Kernel * GroupInputs;

    /// <summary>Padding, kernel, stride, dilation and input channels of a group, as XNNPACK takes them.</summary>
    internal (uint Pad, uint Kernel, uint Stride, uint Dilation, nuint GroupInputs) Numbers =>
        ((uint)Pad, (uint)Kernel, (uint)Stride, (uint)Dilation, (nuint)GroupInputs);

    /// <summary>Sums the products, and has each sum finished.</summary>
    /// <param name="x">An element of the images, of which image and index are given.</param>
    /// <param name="weight">An element of the weights, which are [outputs, height, width, inputs of a group].</param>
    /// <param name="finish">Makes a result of an image, an output channel and a sum.</param>
    internal double[] Compute(Func<int, int, double> x, Func<int, double> weight, Func<int, int, double, double> finish)
    {
        double[] results = new double[OutputCount];
        for (int i = 0; i < results.Length; i++)
        {
            (int pixel, int channel) = Math.DivRem(i, Outputs);
            (int row, int column) = Math.DivRem(pixel, OutputWidth);
            (int image, row) = Math.DivRem(row, OutputHeight);
            int group = channel / (Outputs / Groups);
            double sum = 0;
            for (int tap = 0; tap < Kernel * Kernel; tap++)
            {
                int y = row * Stride - Pad + tap / Kernel * Dilation;
                int z = column * Stride - Pad + tap % Kernel * Dilation;
                if (y >= 0 && y < Height && z >= 0 && z < Width)
                {
                    for (int k = 0; k < GroupInputs; k++)
                    {
                        sum += x(image, ((image * Height + y) * Width + z) * Inputs + group * GroupInputs + k) * weight(
                            (channel * Kernel * Kernel + tap) * GroupInputs + k);
                    }
                }
            }

            results[i] = finish(image, channel, sum);
        }

        return results;
    }

    private int OutputSize(int size) => (size + 2 * Pad - (Kernel - 1) * Dilation - 1) / Stride + 1;
}
