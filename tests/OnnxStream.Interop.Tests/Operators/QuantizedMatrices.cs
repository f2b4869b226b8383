namespace OnnxStream.Interop.Tests.Operators;

/// <summary>Two matrices of 8-bit integers with zero points, and their exact product.</summary>
internal sealed class QuantizedMatrices
{
    private readonly bool _hasZeros;

    /// <summary>Makes them.</summary>
    /// <param name="types">The element types of data and weight, as "uint8 int8".</param>
    /// <param name="shape">Rows, inputs, outputs.</param>
    /// <param name="zeros">Where zero points lie: at the ends of their range, "middle", "symmetric" (that of the weight is 0), or "none".</param>
    /// <param name="isPerColumn">Whether each column of the weight has a scale and a zero point of its own.</param>
    /// <param name="isExtreme">Whether all integers are at the ends of their range, so that sums are large.</param>
    public QuantizedMatrices(string types, int[] shape, string zeros, bool isPerColumn, bool isExtreme = false)
    {
        (ElementType left, ElementType right) = Types(types);
        Data = Bytes(left, 1, isExtreme, shape[0], shape[1]);
        Weight = Bytes(right, 2, isExtreme, shape[1], shape[2]);
        WeightScales = isPerColumn ? TestTensors.Random(ElementType.Float32, 3, 0.01, 0.05, shape[2]) : TestTensors.Scalar(ElementType.Float32, 0.03);
        (DataZero, WeightZeros) = Zeros(left, right, zeros, isPerColumn ? shape[2] : 0);
        _hasZeros = zeros != "none";
    }

    public TensorBuffer Data { get; }

    public TensorBuffer Weight { get; }

    public TensorBuffer WeightScales { get; }

    public TensorBuffer DataZero { get; }

    public TensorBuffer WeightZeros { get; }

    /// <summary>The element types of data and weight.</summary>
    public static (ElementType Left, ElementType Right) Types(string types) =>
        (types.StartsWith('u') ? ElementType.UInt8 : ElementType.Int8, types.EndsWith(" uint8", StringComparison.Ordinal) ? ElementType.UInt8 : ElementType.Int8);

    /// <summary>A zero point for the data and one, or one for each of <paramref name="channels"/>, for the weight.</summary>
    public static (TensorBuffer Data, TensorBuffer Weight) Zeros(ElementType left, ElementType right, string zeros, int channels)
    {
        (double least, double most) = right == ElementType.UInt8 ? (0, 255) : (-128, 127);
        double[] weights = [.. Enumerable.Range(0, Math.Max(1, channels)).Select(i => zeros switch
        {
            "ends" => i % 2 == 0 ? most : least,
            "middle" => Math.Round((least + most) / 2) + i % 5 - 1,
            _ => 0,
        })];
        return (TestTensors.Scalar(left, zeros == "ends" ? left == ElementType.UInt8 ? 255 : -128 : zeros == "none" ? 0 : 3), channels == 0 ? TestTensors.Scalar(right, weights[0]) : TestTensors.FromDoubles(right, weights, channels));
    }

    /// <summary>Seeded integers over the whole range, or at its ends.</summary>
    public static TensorBuffer Bytes(ElementType type, int seed, bool isExtreme, params long[] dimensions)
    {
        TensorBuffer tensor = TestTensors.Bytes(type, seed, dimensions);
        (byte first, byte second) = type == ElementType.UInt8 ? ((byte)255, (byte)0) : ((byte)127, (byte)128);
        for (int i = 0; isExtreme && i < tensor.Bytes.Length; i++)
        {
            tensor.Bytes[i] = i % 97 == 0 ? second : first;
        }

        return tensor;
    }

    /// <summary>A matrix with its axes exchanged.</summary>
    public static TensorBuffer Transposed(TensorBuffer matrix)
    {
        (int rows, int columns) = ((int)matrix.Shape[0], (int)matrix.Shape[1]);
        TensorBuffer result = new(matrix.ElementType, new Shape(columns, rows));
        for (int i = 0; i < rows * columns; i++)
        {
            result.Bytes[i % columns * rows + i / columns] = matrix.Bytes[i];
        }

        return result;
    }

    /// <summary>Adds the zero points as xz and wz, if there are any.</summary>
    public void AddZeros(ModelBuilder model)
    {
        if (_hasZeros)
        {
            model.Initializer("xz", DataZero).Initializer("wz", WeightZeros);
        }
    }

    /// <summary>The sums of the products of the differences to the zero points.</summary>
    public double[] Sums()
    {
        (int rows, int inputs, int outputs) = ((int)Data.Shape[0], (int)Data.Shape[1], (int)Weight.Shape[1]);
        double zero = TestTensors.ToDoubles(DataZero)[0];
        double[] zeros = TestTensors.ToDoubles(WeightZeros);
        double[] x = TestTensors.ToDoubles(Data);
        double[] w = TestTensors.ToDoubles(Weight);
        double[] sums = new double[rows * outputs];
        for (int i = 0; i < sums.Length; i++)
        {
            (int row, int column) = Math.DivRem(i, outputs);
            for (int k = 0; k < inputs; k++)
            {
                sums[i] += (x[row * inputs + k] - zero) * (w[k * outputs + column] - zeros[zeros.Length == 1 ? 0 : column]);
            }
        }

        return sums;
    }
}
