namespace OnnxStream.Interop.Cli.SelfTests;

/// <summary>What layers mean, written as plainly as possible: one number after the other, in double precision.</summary>
/// <remarks>Tensors are row-major; images are [N,C,H,W]. Definitions: https://onnx.ai/onnx/operators/.</remarks>
internal static class Reference
{
    /// <summary>Convolution with as many spatial dimensions as the strides have, padded alike at both ends with zeros.</summary>
    /// <param name="x">The image of shape [N,C,spatial].</param>
    /// <param name="w">The kernels of shape [M,C/groups,spatial].</param>
    /// <param name="bias">M numbers.</param>
    /// <param name="xShape">The shape of <paramref name="x"/>, with three spatial dimensions.</param>
    /// <param name="wShape">The shape of <paramref name="w"/>, with three spatial dimensions.</param>
    /// <param name="stride">The step of each window.</param>
    /// <param name="pad">The zeros at each end of each dimension whose kernel is larger than 1.</param>
    /// <param name="groups">The parts of the channels that do not see each other.</param>
    public static double[] Convolution(double[] x, double[] w, double[] bias, int[] xShape, int[] wShape, int stride, int pad, int groups)
    {
        int[] pads = [.. wShape[2..].Select(size => size > 1 ? pad : 0)];
        int[] strides = [.. wShape[2..].Select(size => size > 1 ? stride : 1)];
        int[] y = [.. Enumerable.Range(0, 3).Select(i => ((xShape[2 + i] + (2 * pads[i]) - wShape[2 + i]) / strides[i]) + 1)];
        int channels = wShape[1];
        int outputs = wShape[0];
        double[] result = new double[xShape[0] * outputs * y[0] * y[1] * y[2]];
        int at = 0;
        for (int n = 0; n < xShape[0]; n++)
        {
            for (int m = 0; m < outputs; m++)
            {
                int first = m / (outputs / groups) * channels;
                for (int i = 0; i < y[0] * y[1] * y[2]; i++)
                {
                    (int d, int h, int v) = (i / (y[1] * y[2]), i / y[2] % y[1], i % y[2]);
                    double sum = bias[m];
                    for (int k = 0; k < channels * wShape[2] * wShape[3] * wShape[4]; k++)
                    {
                        int c = k / (wShape[2] * wShape[3] * wShape[4]);
                        int z = (d * strides[0]) - pads[0] + (k / (wShape[3] * wShape[4]) % wShape[2]);
                        int row = (h * strides[1]) - pads[1] + (k / wShape[4] % wShape[3]);
                        int column = (v * strides[2]) - pads[2] + (k % wShape[4]);
                        if (z >= 0 && z < xShape[2] && row >= 0 && row < xShape[3] && column >= 0 && column < xShape[4])
                        {
                            sum += x[((((((n * xShape[1]) + first + c) * xShape[2]) + z) * xShape[3]) + row) * xShape[4] + column]
                                * w[(m * channels * wShape[2] * wShape[3] * wShape[4]) + k];
                        }
                    }

                    result[at++] = sum;
                }
            }
        }

        return result;
    }

    /// <summary>Transposed convolution of one image: each pixel adds a kernel, scaled, to the result.</summary>
    /// <param name="x">The image [C,H,W].</param>
    /// <param name="w">The kernels [C,M,K,K].</param>
    /// <param name="channels">C.</param>
    /// <param name="height">H.</param>
    /// <param name="width">W.</param>
    /// <param name="outputs">M.</param>
    /// <param name="kernel">K.</param>
    /// <param name="stride">The distance of the kernels in the result.</param>
    public static double[] Deconvolution(double[] x, double[] w, int channels, int height, int width, int outputs, int kernel, int stride)
    {
        (int rows, int columns) = (((height - 1) * stride) + kernel, ((width - 1) * stride) + kernel);
        double[] result = new double[outputs * rows * columns];
        for (int c = 0; c < channels; c++)
        {
            for (int i = 0; i < height * width; i++)
            {
                for (int m = 0; m < outputs; m++)
                {
                    for (int k = 0; k < kernel * kernel; k++)
                    {
                        int row = (i / width * stride) + (k / kernel);
                        int column = (i % width * stride) + (k % kernel);
                        result[(((m * rows) + row) * columns) + column] += x[(c * height * width) + i] * w[(((c * outputs) + m) * kernel * kernel) + k];
                    }
                }
            }
        }

        return result;
    }

    /// <summary>Products of matrices: [batch,m,k] by [batch,k,n].</summary>
    public static double[] MatMul(double[] a, double[] b, int batch, int m, int k, int n)
    {
        double[] result = new double[batch * m * n];
        for (int i = 0; i < result.Length; i++)
        {
            (int matrix, int row, int column) = (i / (m * n), i / n % m, i % n);
            for (int j = 0; j < k; j++)
            {
                result[i] += a[(((matrix * m) + row) * k) + j] * b[(((matrix * k) + j) * n) + column];
            }
        }

        return result;
    }

    /// <summary>The matrices [batch,rows,columns] with rows and columns exchanged.</summary>
    public static double[] Transpose(double[] x, int batch, int rows, int columns)
    {
        double[] result = new double[x.Length];
        for (int i = 0; i < batch * rows * columns; i++)
        {
            result[(i / (rows * columns) * rows * columns) + (i % columns * rows) + (i / columns % rows)] = x[i];
        }

        return result;
    }

    /// <summary>Each row of <paramref name="length"/> elements replaced by another.</summary>
    public static double[] Rows(double[] x, int length, Func<double[], IEnumerable<double>> function) =>
        [.. x.Chunk(length).SelectMany(function)];

    /// <summary>Softmax of a row.</summary>
    public static IEnumerable<double> Softmax(double[] row)
    {
        double maximum = row.Max();
        double sum = row.Sum(x => Math.Exp(x - maximum));
        return row.Select(x => Math.Exp(x - maximum) / sum);
    }

    /// <summary>A row with mean 0 and variance 1.</summary>
    public static IEnumerable<double> Normalize(double[] row, double epsilon)
    {
        double mean = row.Average();
        double variance = row.Average(x => (x - mean) * (x - mean));
        return row.Select(x => (x - mean) / Math.Sqrt(variance + epsilon));
    }

    /// <summary>Softmax(scale q k') v for each of <paramref name="heads"/>; q is [heads,queries,size], k and v are [heads,keys,size].</summary>
    public static double[] Attention(double[] q, double[] k, double[] v, int heads, int queries, int keys, int size)
    {
        double[] scores = MatMul(q, Transpose(k, heads, keys, size), heads, queries, size, keys);
        double scale = 1 / Math.Sqrt(size);
        double[] weights = Rows([.. scores.Select(score => score * scale)], keys, Softmax);
        return MatMul(weights, v, heads, queries, keys, size);
    }

    /// <summary>The error function: its Taylor series, which converges everywhere and is exact enough for |x| below 4.</summary>
    public static double Erf(double x)
    {
        double term = x;
        double sum = x;
        for (int n = 1; n < 200; n++)
        {
            term *= -x * x / n;
            sum += term / ((2 * n) + 1);
        }

        return 2 / Math.Sqrt(Math.PI) * sum;
    }

    /// <summary>The Gaussian error linear unit.</summary>
    public static double Gelu(double x) => x * 0.5 * (1 + Erf(x / Math.Sqrt(2)));

    /// <summary>1 / (1 + exp(-x)).</summary>
    public static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    /// <summary>Windows of K by K with a stride over the images [planes,height,width], without padding.</summary>
    public static double[] Pool(double[] x, int planes, int height, int width, int kernel, int stride, Func<IEnumerable<double>, double> function)
    {
        (int rows, int columns) = (((height - kernel) / stride) + 1, ((width - kernel) / stride) + 1);
        return
        [
            .. from plane in Enumerable.Range(0, planes)
               from row in Enumerable.Range(0, rows)
               from column in Enumerable.Range(0, columns)
               select function(
                   from k in Enumerable.Range(0, kernel * kernel)
                   select x[(((plane * height) + (row * stride) + (k / kernel)) * width) + (column * stride) + (k % kernel)]),
        ];
    }

    /// <summary>Images [planes,height,width] made larger by whole factors, each pixel from the four around it; pixels are areas.</summary>
    public static double[] ResizeBilinear(double[] x, int planes, int height, int width, int factor)
    {
        (int rows, int columns) = (height * factor, width * factor);
        double[] result = new double[planes * rows * columns];
        for (int i = 0; i < result.Length; i++)
        {
            double row = Math.Clamp(((i / columns % rows) + 0.5) / factor - 0.5, 0, height - 1);
            double column = Math.Clamp(((i % columns) + 0.5) / factor - 0.5, 0, width - 1);
            (int top, int left) = ((int)row, (int)column);
            (int bottom, int right) = (Math.Min(top + 1, height - 1), Math.Min(left + 1, width - 1));
            (double down, double across) = (row - top, column - left);
            double At(int r, int c) => x[(((i / (rows * columns) * height) + r) * width) + c];
            result[i] = ((1 - down) * (((1 - across) * At(top, left)) + (across * At(top, right))))
                + (down * (((1 - across) * At(bottom, left)) + (across * At(bottom, right))));
        }

        return result;
    }

    /// <summary>Images [planes,height,width] with each pixel become a square.</summary>
    public static double[] ResizeNearest(double[] x, int planes, int height, int width, int factor) =>
    [
        .. from plane in Enumerable.Range(0, planes)
           from row in Enumerable.Range(0, height * factor)
           from column in Enumerable.Range(0, width * factor)
           select x[(((plane * height) + (row / factor)) * width) + (column / factor)],
    ];

    /// <summary>A layer of long short-term memory, one direction, state 0 at first; gates in ONNX's order: input, output, forget, cell.</summary>
    /// <param name="x">[steps,inputs] of one sequence.</param>
    /// <param name="w">[4*hidden,inputs].</param>
    /// <param name="r">[4*hidden,hidden].</param>
    /// <param name="steps">The length of the sequence.</param>
    /// <param name="inputs">Numbers of a step.</param>
    /// <param name="hidden">Numbers of the state.</param>
    public static double[] Lstm(double[] x, double[] w, double[] r, int steps, int inputs, int hidden)
    {
        double[] h = new double[hidden];
        double[] c = new double[hidden];
        List<double> result = [];
        for (int t = 0; t < steps; t++)
        {
            double[] gates =
            [
                .. from g in Enumerable.Range(0, 4 * hidden)
                   select Enumerable.Range(0, inputs).Sum(i => w[(g * inputs) + i] * x[(t * inputs) + i])
                       + Enumerable.Range(0, hidden).Sum(i => r[(g * hidden) + i] * h[i]),
            ];
            for (int i = 0; i < hidden; i++)
            {
                c[i] = (Sigmoid(gates[(2 * hidden) + i]) * c[i]) + (Sigmoid(gates[i]) * Math.Tanh(gates[(3 * hidden) + i]));
            }

            h = [.. Enumerable.Range(0, hidden).Select(i => Sigmoid(gates[hidden + i]) * Math.Tanh(c[i]))];
            result.AddRange(h);
        }

        return [.. result];
    }
}
