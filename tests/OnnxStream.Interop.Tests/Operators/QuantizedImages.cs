namespace OnnxStream.Interop.Tests.Operators;

/// <summary>Images and the weight of a convolution, both 8-bit integers with zero points, and their exact convolution. Images may have one dimension.</summary>
/// <param name="input">The shape of the images: [N,C,H,W] or [N,C,W].</param>
/// <param name="weight">The shape of the weight: [O,C,kernel…].</param>
public sealed class QuantizedImages(long[] input, long[] weight)
{
    private string _types = "uint8 uint8";
    private string _zeros = "none";

    /// <summary>Padding before each dimension, then behind each; null for none.</summary>
    public int[]? Pads { get; init; }

    /// <summary>Null for 1.</summary>
    public int[]? Strides { get; init; }

    /// <summary>Null for 1.</summary>
    public int[]? Dilations { get; init; }

    internal TensorBuffer Data => TestTensors.Bytes(QuantizedMatrices.Types(_types).Left, 1, input);

    internal TensorBuffer Weight => TestTensors.Bytes(QuantizedMatrices.Types(_types).Right, 2, weight);

    internal (string Name, object Value)[] Attributes =>
    [
        .. Pads is null ? Array.Empty<(string, object)>() : [("pads", Pads)], .. Strides is null ? Array.Empty<(string, object)>() : [("strides", Strides)],
        .. Dilations is null ? Array.Empty<(string, object)>() : [("dilations", Dilations)],
    ];

    /// <inheritdoc/>
    public override string ToString() => $"[{string.Join(',', input)}] [{string.Join(',', weight)}] pads {Join(Pads)} strides {Join(Strides)} dilations {Join(Dilations)}";

    /// <summary>The same geometry with other types and zero points, as <see cref="QuantizedMatrices"/> takes them.</summary>
    internal QuantizedImages With(string types, string zeros) => new(input, weight) { Pads = Pads, Strides = Strides, Dilations = Dilations, _types = types, _zeros = zeros };

    /// <summary>A model with the input x and the weight w.</summary>
    internal ModelBuilder Model(int operatorSet) => new ModelBuilder(operatorSet).Input("x", Data.ElementType, input).Initializer("w", Weight);

    internal void AddZeros(ModelBuilder model, bool isPerChannel)
    {
        if (_zeros != "none")
        {
            (TensorBuffer data, TensorBuffer weights) = Zeros(isPerChannel);
            model.Initializer("xz", data).Initializer("wz", weights);
        }
    }

    /// <summary>The sums of the products of the differences to the zero points; padding is the zero point.</summary>
    internal double[] Sums(bool isPerChannel)
    {
        (TensorBuffer dataZero, TensorBuffer weightZeros) = Zeros(isPerChannel);
        double zero = TestTensors.ToDoubles(dataZero)[0];
        double[] zeros = TestTensors.ToDoubles(weightZeros);
        (double[] x, double[] w) = (TestTensors.ToDoubles(Data), TestTensors.ToDoubles(Weight));
        bool isLine = input.Length == 3;
        (int images, int channels, int height, int width) = ((int)input[0], (int)input[1], isLine ? 1 : (int)input[2], (int)input[^1]);
        (int outputs, int kernelHeight, int kernelWidth) = ((int)weight[0], isLine ? 1 : (int)weight[2], (int)weight[^1]);
        (int top, int left, int bottom, int right) = Pads is null ? (0, 0, 0, 0) : isLine ? (0, Pads[0], 0, Pads[1]) : (Pads[0], Pads[1], Pads[2], Pads[3]);
        (int strideY, int strideX) = (isLine || Strides is null ? 1 : Strides[0], Strides?[^1] ?? 1);
        (int dilationY, int dilationX) = (isLine || Dilations is null ? 1 : Dilations[0], Dilations?[^1] ?? 1);
        int rows = (height + top + bottom - dilationY * (kernelHeight - 1) - 1) / strideY + 1;
        int columns = (width + left + right - dilationX * (kernelWidth - 1) - 1) / strideX + 1;
        double[] sums = new double[images * outputs * rows * columns];
        for (int i = 0; i < sums.Length; i++)
        {
            (int column, int row, int output, int image) = (i % columns, i / columns % rows, i / columns / rows % outputs, i / columns / rows / outputs);
            for (int k = 0; k < channels * kernelHeight * kernelWidth; k++)
            {
                (int kx, int ky, int channel) = (k % kernelWidth, k / kernelWidth % kernelHeight, k / kernelWidth / kernelHeight);
                (int y, int xx) = (row * strideY - top + ky * dilationY, column * strideX - left + kx * dilationX);
                if (y >= 0 && y < height && xx >= 0 && xx < width)
                {
                    sums[i] += (x[((image * channels + channel) * height + y) * width + xx] - zero) * (w[output * channels * kernelHeight * kernelWidth + k] - zeros[isPerChannel ? output : 0]);
                }
            }
        }

        return sums;
    }

    private (TensorBuffer Data, TensorBuffer Weight) Zeros(bool isPerChannel)
    {
        (ElementType left, ElementType right) = QuantizedMatrices.Types(_types);
        return QuantizedMatrices.Zeros(left, right, _zeros, isPerChannel ? (int)weight[0] : 0);
    }

    private static string Join(int[]? values) => values is null ? "-" : string.Join(',', values);
}
