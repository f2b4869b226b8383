using System.Numerics;
using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Tests.Kernels;

public class WinogradTransformTests
{
    // Transforming, multiplying and transforming back is a 3x3 convolution.
    [Test]
    public unsafe void IsAConvolution([Range(0, 4)] int seed, [Values] bool byRows)
    {
        int lanes = Vector<float>.Count;
        Random random = new(seed);
        float[] tile = Numbers(36 * lanes);
        float[] kernels = Numbers(lanes * 9 * lanes); // [outputs, 3, 3, inputs]
        float[] inputs = new float[36 * lanes];
        float[] transformed = new float[lanes * lanes];
        float[] sums = new float[36 * lanes];
        Vector<float>* actual = stackalloc Vector<float>[16];
        fixed (float* pixels = tile, w = kernels, v = inputs, u = transformed, m = sums)
        {
            float** addresses = stackalloc float*[36];
            for (int i = 0; i < 36; i++)
            {
                addresses[i] = pixels + i * lanes;
            }

            float** needed = stackalloc float*[36];
            Vector<float>* columns = stackalloc Vector<float>[4];
            if (byRows)
            {
                for (int row = 0; row < 6; row++)
                {
                    // Only these rows of pixels may be read.
                    for (int i = 0; i < 36; i++)
                    {
                        needed[i] = (WinogradTransform.PixelRows(row) >> (i / 6) & 1) != 0 ? addresses[i] : null;
                    }

                    WinogradTransform.TransformInputRow(needed, row, lanes, v + row * 6 * lanes, lanes);
                }
            }
            else
            {
                WinogradTransform.TransformInput(addresses, lanes, v, lanes);
            }

            for (int position = 0; position < 36; position++)
            {
                WinogradTransform.TransformWeights(w, lanes, lanes, lanes, position, u);
                for (int output = 0; output < lanes; output++)
                {
                    for (int input = 0; input < lanes; input++)
                    {
                        m[position * lanes + output] += u[output * lanes + input] * v[position * lanes + input];
                    }
                }
            }

            if (byRows)
            {
                new Span<Vector<float>>(actual, 16).Clear();
                for (int row = 0; row < 6; row++)
                {
                    WinogradTransform.TransformOutputRow(m + row * 6 * lanes, lanes, columns);
                    for (int i = 0; i < 16; i++)
                    {
                        actual[i] += WinogradTransform.OutputCoefficient(row, i / 4) * columns[i % 4];
                    }
                }
            }
            else
            {
                WinogradTransform.TransformOutput(m, lanes, actual);
            }
        }

        for (int i = 0; i < 16; i++)
        {
            for (int output = 0; output < lanes; output++)
            {
                double expected = 0;
                for (int k = 0; k < 9; k++)
                {
                    for (int input = 0; input < lanes; input++)
                    {
                        expected += kernels[(output * 9 + k) * lanes + input] * (double)tile[((i / 4 + k / 3) * 6 + i % 4 + k % 3) * lanes + input];
                    }
                }

                Assert.That(actual[i][output], Is.EqualTo(expected).Within(1e-4));
            }
        }

        float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(2 * random.NextDouble() - 1))];
    }
}
