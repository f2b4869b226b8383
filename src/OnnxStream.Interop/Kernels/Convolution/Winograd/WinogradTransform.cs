using System.Numerics;

namespace OnnxStream.Interop.Kernels;

/// <summary>The transforms of Winograd's minimal filtering F(4x4, 3x3): 36 multiplications for 16 outputs instead of 144.</summary>
/// <remarks>
/// <para>
/// Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (arXiv 1509.09308). A tile of 6x6 inputs and a kernel of
/// 3x3 are both transformed to 6x6 numbers, multiplied position by position and summed over the channels; the sum is
/// transformed to 4x4 outputs.
/// </para>
/// <para>
/// The interpolation points are 0, ±2/3, ±3/2 and infinity. With them the error against exact arithmetic is 1.6e-6 of the
/// result for 320 channels, half of what the usual 0, ±1, ±2 give and about three times that of direct summation.
/// </para>
/// </remarks>
internal static unsafe class WinogradTransform
{
    /// <summary>The outputs of a tile in one direction.</summary>
    public const int TileOutputs = 4;

    /// <summary>The inputs of a tile in one direction.</summary>
    public const int TileInputs = 6;

    /// <summary>The numbers of a transformed tile or kernel.</summary>
    public const int Positions = TileInputs * TileInputs;

    // The points are ±A and ±B. A * B = 1 saves multiplications.
    private const double A = 2.0 / 3;
    private const double B = 3.0 / 2;
    private const double A2 = A * A;
    private const double B2 = B * B;

    private static readonly float[] s_weights = WeightCoefficients();

    // What "Inputs" computes, as factors of the pixel rows in "PixelRows".
    private static readonly float[] s_inputs =
    [
        1, (float)-(A2 + B2), 1, 0,
        (float)(-A * B2), (float)-B2, (float)A, 1,
        (float)(A * B2), (float)-B2, (float)-A, 1,
        (float)(-B * A2), (float)-A2, (float)B, 1,
        (float)(B * A2), (float)-A2, (float)-B, 1,
        1, (float)-(A2 + B2), 1, 0,
    ];

    // What "Outputs" computes: powers of the points.
    private static readonly float[] s_outputs =
    [
        1, 0, 0, 0,
        1, (float)A, (float)A2, (float)(A2 * A),
        1, (float)-A, (float)A2, (float)-(A2 * A),
        1, (float)B, (float)B2, (float)(B2 * B),
        1, (float)-B, (float)B2, (float)-(B2 * B),
        0, 0, 0, 1,
    ];

    /// <summary>One position of transformed kernels.</summary>
    /// <param name="source">Kernels [outputs, 3, 3, channels], from the first channel that is wanted on.</param>
    /// <param name="outputs">The number of kernels.</param>
    /// <param name="inputs">The number of channels that are wanted.</param>
    /// <param name="channels">The number of channels that kernels have.</param>
    /// <param name="position">0 to 35.</param>
    /// <param name="destination">Receives [outputs, inputs].</param>
    public static void TransformWeights(float* source, int outputs, int inputs, int channels, int position, float* destination)
    {
        fixed (float* c = &s_weights[position * 9])
        {
            for (int output = 0; output < outputs; output++, source += 9L * channels, destination += inputs)
            {
                int i = 0;
                for (; i <= inputs - Vector<float>.Count; i += Vector<float>.Count)
                {
                    Vector<float> sum = c[0] * Vector.Load(source + i);
                    for (int k = 1; k < 9; k++)
                    {
                        sum = Vector.FusedMultiplyAdd(new Vector<float>(c[k]), Vector.Load(source + k * channels + i), sum);
                    }

                    sum.Store(destination + i);
                }

                for (; i < inputs; i++)
                {
                    float sum = 0;
                    for (int k = 0; k < 9; k++)
                    {
                        sum = MathF.FusedMultiplyAdd(c[k], source[k * channels + i], sum);
                    }

                    destination[i] = sum;
                }
            }
        }
    }

    /// <summary>Transforms a tile of inputs.</summary>
    /// <param name="pixels">The addresses of the 36 pixels of the tile, row by row.</param>
    /// <param name="channels">The numbers of a pixel; at least <see cref="Vector{T}.Count"/>.</param>
    /// <param name="destination">Receives position 0 of the transformed tile.</param>
    /// <param name="stride">Numbers from one position to the next.</param>
    public static void TransformInput(float** pixels, int channels, float* destination, long stride)
    {
        Vector<float>* columns = stackalloc Vector<float>[Positions];
        for (int i = 0; i < channels; i += Vector<float>.Count)
        {
            // The last vector overlaps the one before: what is computed twice is the same.
            int channel = Math.Min(i, channels - Vector<float>.Count);
            for (int column = 0; column < TileInputs; column++)
            {
                float** pixel = pixels + column;
                Inputs(
                    Vector.Load(pixel[0] + channel), Vector.Load(pixel[6] + channel), Vector.Load(pixel[12] + channel),
                    Vector.Load(pixel[18] + channel), Vector.Load(pixel[24] + channel), Vector.Load(pixel[30] + channel),
                    out columns[column], out columns[6 + column], out columns[12 + column], out columns[18 + column], out columns[24 + column], out columns[30 + column]);
            }

            float* target = destination + channel;
            for (int row = 0; row < TileInputs; row++)
            {
                Vector<float>* line = columns + row * 6;
                Inputs(
                    line[0], line[1], line[2], line[3], line[4], line[5],
                    out Vector<float> v0, out Vector<float> v1, out Vector<float> v2, out Vector<float> v3, out Vector<float> v4, out Vector<float> v5);
                v0.Store(target);
                v1.Store(target + stride);
                v2.Store(target + 2 * stride);
                v3.Store(target + 3 * stride);
                v4.Store(target + 4 * stride);
                v5.Store(target + 5 * stride);
                target += 6 * stride;
            }
        }
    }

    /// <summary>The rows of pixels of a tile that a row of the transformed tile is made of, as bits.</summary>
    public static int PixelRows(int row) => row switch
    {
        0 => 0b010101,
        TileInputs - 1 => 0b101010,
        _ => 0b011110,
    };

    /// <summary>One row of a transformed tile of inputs: six positions.</summary>
    /// <param name="pixels">The addresses of the 36 pixels of the tile, row by row; those that are not in <see cref="PixelRows"/> are not read.</param>
    /// <param name="row">0 to 5.</param>
    /// <param name="channels">The numbers of a pixel; at least <see cref="Vector{T}.Count"/>.</param>
    /// <param name="destination">Receives the first position of the row.</param>
    /// <param name="stride">Numbers from one position to the next.</param>
    public static void TransformInputRow(float** pixels, int row, int channels, float* destination, long stride)
    {
        bool isOuter = row is 0 or TileInputs - 1;
        int first = row == 0 ? 0 : TileInputs;
        int step = isOuter ? 2 * TileInputs : TileInputs;
        fixed (float* coefficients = &s_inputs[row * 4])
        {
            Vector<float> c0 = new(coefficients[0]);
            Vector<float> c1 = new(coefficients[1]);
            Vector<float> c2 = new(coefficients[2]);
            Vector<float> c3 = new(coefficients[3]);
            Vector<float>* line = stackalloc Vector<float>[TileInputs];
            for (int i = 0; i < channels; i += Vector<float>.Count)
            {
                // The last vector overlaps the one before: what is computed twice is the same.
                int channel = Math.Min(i, channels - Vector<float>.Count);
                for (int column = 0; column < TileInputs; column++)
                {
                    float** pixel = pixels + first + column;
                    Vector<float> sum = c0 * Vector.Load(pixel[0] + channel);
                    sum = Vector.FusedMultiplyAdd(c1, Vector.Load(pixel[step] + channel), sum);
                    sum = Vector.FusedMultiplyAdd(c2, Vector.Load(pixel[2 * step] + channel), sum);
                    line[column] = isOuter ? sum : Vector.FusedMultiplyAdd(c3, Vector.Load(pixel[3 * step] + channel), sum);
                }

                Inputs(
                    line[0], line[1], line[2], line[3], line[4], line[5],
                    out Vector<float> v0, out Vector<float> v1, out Vector<float> v2, out Vector<float> v3, out Vector<float> v4, out Vector<float> v5);
                float* target = destination + channel;
                v0.Store(target);
                v1.Store(target + stride);
                v2.Store(target + 2 * stride);
                v3.Store(target + 3 * stride);
                v4.Store(target + 4 * stride);
                v5.Store(target + 5 * stride);
            }
        }
    }

    /// <summary>Transforms a row of sums back: what it contributes to the columns of a tile of outputs.</summary>
    /// <param name="source">The first position of the row, for as many channels as a vector has.</param>
    /// <param name="stride">Numbers from one position to the next.</param>
    /// <param name="columns">Receives 4 vectors; each output row adds them, multiplied by its <see cref="OutputCoefficient"/>.</param>
    public static void TransformOutputRow(float* source, long stride, Vector<float>* columns) =>
        Outputs(
            Vector.Load(source), Vector.Load(source + stride), Vector.Load(source + 2 * stride), Vector.Load(source + 3 * stride), Vector.Load(source + 4 * stride), Vector.Load(source + 5 * stride),
            out columns[0], out columns[1], out columns[2], out columns[3]);

    /// <summary>What row <paramref name="row"/> of sums is multiplied by in row <paramref name="outputRow"/> of outputs. 0 where they have nothing to do with each other.</summary>
    public static float OutputCoefficient(int row, int outputRow) => s_outputs[row * TileOutputs + outputRow];

    /// <summary>Transforms sums back to outputs: 16 vectors, row by row.</summary>
    /// <param name="source">Position 0 of the sums, for as many channels as a vector has.</param>
    /// <param name="stride">Numbers from one position to the next.</param>
    /// <param name="outputs">Receives 4x4 vectors.</param>
    public static void TransformOutput(float* source, long stride, Vector<float>* outputs)
    {
        Vector<float>* columns = stackalloc Vector<float>[TileOutputs * TileInputs];
        for (int column = 0; column < TileInputs; column++)
        {
            float* sums = source + column * stride;
            Outputs(
                Vector.Load(sums), Vector.Load(sums + 6 * stride), Vector.Load(sums + 12 * stride), Vector.Load(sums + 18 * stride), Vector.Load(sums + 24 * stride), Vector.Load(sums + 30 * stride),
                out columns[column], out columns[6 + column], out columns[12 + column], out columns[18 + column]);
        }

        for (int row = 0; row < TileOutputs; row++)
        {
            Vector<float>* line = columns + row * 6;
            Outputs(line[0], line[1], line[2], line[3], line[4], line[5], out outputs[row * 4], out outputs[row * 4 + 1], out outputs[row * 4 + 2], out outputs[row * 4 + 3]);
        }
    }

    // B': rows are the coefficients of x(x²-a²)(x²-b²) with one factor left out.
    private static void Inputs(
        Vector<float> d0, Vector<float> d1, Vector<float> d2, Vector<float> d3, Vector<float> d4, Vector<float> d5,
        out Vector<float> v0, out Vector<float> v1, out Vector<float> v2, out Vector<float> v3, out Vector<float> v4, out Vector<float> v5)
    {
        Vector<float> sum = new((float)-(A2 + B2));
        Vector<float> minusB2 = new((float)-B2);
        Vector<float> minusA2 = new((float)-A2);
        v0 = Vector.FusedMultiplyAdd(sum, d2, d0 + d4);
        Vector<float> even = Vector.FusedMultiplyAdd(minusB2, d2, d4);
        Vector<float> odd = Vector.FusedMultiplyAdd(minusB2, d1, d3);
        Vector<float> a = new((float)A);
        v1 = Vector.FusedMultiplyAdd(a, odd, even);
        v2 = Vector.FusedMultiplyAdd(-a, odd, even);
        even = Vector.FusedMultiplyAdd(minusA2, d2, d4);
        odd = Vector.FusedMultiplyAdd(minusA2, d1, d3);
        Vector<float> b = new((float)B);
        v3 = Vector.FusedMultiplyAdd(b, odd, even);
        v4 = Vector.FusedMultiplyAdd(-b, odd, even);
        v5 = Vector.FusedMultiplyAdd(sum, d3, d1 + d5);
    }

    // A': powers of the points.
    private static void Outputs(
        Vector<float> m0, Vector<float> m1, Vector<float> m2, Vector<float> m3, Vector<float> m4, Vector<float> m5,
        out Vector<float> y0, out Vector<float> y1, out Vector<float> y2, out Vector<float> y3)
    {
        Vector<float> evenA = m1 + m2;
        Vector<float> oddA = m1 - m2;
        Vector<float> evenB = m3 + m4;
        Vector<float> oddB = m3 - m4;
        y0 = m0 + evenA + evenB;
        y1 = Vector.FusedMultiplyAdd(new Vector<float>((float)A), oddA, (float)B * oddB);
        y2 = Vector.FusedMultiplyAdd(new Vector<float>((float)A2), evenA, (float)B2 * evenB);
        y3 = Vector.FusedMultiplyAdd(new Vector<float>((float)(A2 * A)), oddA, Vector.FusedMultiplyAdd(new Vector<float>((float)(B2 * B)), oddB, m5));
    }

    // For each position, the factors of the nine numbers of a kernel: products of two rows of G.
    private static float[] WeightCoefficients()
    {
        double atA = 2 * A2 * (A2 - B2);
        double atB = 2 * B2 * (B2 - A2);
        double[,] g =
        {
            { 1 / (A2 * B2), 0, 0 },
            { 1 / atA, A / atA, A2 / atA },
            { 1 / atA, -A / atA, A2 / atA },
            { 1 / atB, B / atB, B2 / atB },
            { 1 / atB, -B / atB, B2 / atB },
            { 0, 0, 1 },
        };
        float[] coefficients = new float[Positions * 9];
        for (int i = 0; i < coefficients.Length; i++)
        {
            (int position, int k) = Math.DivRem(i, 9);
            coefficients[i] = (float)(g[position / 6, k / 3] * g[position % 6, k % 3]);
        }

        return coefficients;
    }
}
