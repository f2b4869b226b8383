using System.Numerics;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>Products of quantized numbers that become single-precision ones in the processor's nearest cache, some at a time.</summary>
/// <inheritdoc cref="QuantizedDotProduct(ElementType, int, int)"/>
internal sealed unsafe class PortableDotProduct(ElementType type, int length, int block) : SingleDotProduct(type, length, block)
{
    private const int Piece = 8 * Step;

    /// <inheritdoc/>
    protected override float MultiplyRow(byte* stored, float* scales, float* zeroPoints, int zeroPointStep, float* data)
    {
        float result = 0;
        Compute(stored, scales, zeroPoints, zeroPointStep, data, 1, &result, 1);
        return result;
    }

    /// <inheritdoc/>
    protected override void MultiplyRows(byte* stored, float* scales, float* zeroPoints, int zeroPointStep, float* data, float* results, long stride) =>
        Compute(stored, scales, zeroPoints, zeroPointStep, data, RowsAtOnce, results, stride);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Compute(byte* stored, float* scales, float* zeroPoints, int zeroPointStep, float* data, int rows, float* results, long stride)
    {
        byte* bytes = stackalloc byte[Piece];
        float* weights = stackalloc float[Piece];
        int lanes = Vector<float>.Count;
        Vector<float>* sums = stackalloc Vector<float>[RowsAtOnce];
        for (int row = 0; row < rows; row++)
        {
            sums[row] = Vector<float>.Zero;
        }

        for (int position = 0; position < Length;)
        {
            // A piece does not leave its block.
            int inBlock = position % Block;
            int count = Math.Min(Math.Min(Piece, Block - inBlock), Length - position);
            byte* source = stored;
            if (Type.PerByte() > 1)
            {
                PackedElements.Unpack(Type, new ReadOnlySpan<byte>(stored, count / Type.PerByte()), new Span<byte>(bytes, count));
                source = bytes;
            }

            QuantizedNumbers.ToSingle(Type, source, new Span<float>(weights, count));
            Vector<float> scale = new(scales[position / Block]);
            Vector<float> zeroPoint = new(zeroPoints[position / Block * zeroPointStep]);
            for (int i = 0; i < count; i += lanes)
            {
                Vector<float> weight = (Vector.Load(weights + i) - zeroPoint) * scale;
                for (int row = 0; row < rows; row++)
                {
                    sums[row] += weight * Vector.Load(data + (long)row * Length + position + i);
                }
            }

            stored += count / Type.PerByte();
            position += count;
        }

        for (int row = 0; row < rows; row++)
        {
            results[row * stride] = Vector.Sum(sums[row]);
        }
    }
}
