using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace OnnxStream.Interop.Kernels;

/// <summary>Products of 8-bit integers with vectors of 512 bits.</summary>
/// <inheritdoc cref="QuantizedDotProduct(ElementType, int, int)"/>
internal sealed unsafe class Wide8BitDotProduct(ElementType type, int length, int block) : SingleDotProduct(type, length, block)
{
    private readonly bool _isSigned = type == ElementType.Int8;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override float MultiplyRow(byte* stored, float* scales, float* zeroPoints, int zeroPointStep, float* data)
    {
        bool isSigned = _isSigned;
        Vector512<float> low = Vector512<float>.Zero;
        Vector512<float> high = Vector512<float>.Zero;
        int remaining = Length;
        while (remaining > 0)
        {
            Vector512<float> zeroPoint = Vector512.Create(*zeroPoints);
            zeroPoints += zeroPointStep;
            Vector512<float> scale = Vector512.Create(*scales++);
            int end = Math.Min(Block, remaining);
            for (int i = 0; i < end; i += Step)
            {
                low = Avx512F.FusedMultiplyAdd((Load(stored, isSigned) - zeroPoint) * scale, Vector512.Load(data), low);
                high = Avx512F.FusedMultiplyAdd((Load(stored + Step / 2, isSigned) - zeroPoint) * scale, Vector512.Load(data + Step / 2), high);
                stored += Step;
                data += Step;
            }

            remaining -= end;
        }

        return Vector512.Sum(low + high);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void MultiplyRows(byte* stored, float* scales, float* zeroPoints, int zeroPointStep, float* data, float* results, long stride)
    {
        bool isSigned = _isSigned;
        Vector512<float> first = Vector512<float>.Zero;
        Vector512<float> second = Vector512<float>.Zero;
        Vector512<float> third = Vector512<float>.Zero;
        Vector512<float> fourth = Vector512<float>.Zero;
        float* data1 = data + Length;
        float* data2 = data1 + Length;
        float* data3 = data2 + Length;
        int position = 0;
        while (position < Length)
        {
            Vector512<float> zeroPoint = Vector512.Create(*zeroPoints);
            zeroPoints += zeroPointStep;
            Vector512<float> scale = Vector512.Create(*scales++);
            int end = Math.Min(position + Block, Length);
            for (; position < end; position += Step / 2)
            {
                Vector512<float> weights = (Load(stored + position, isSigned) - zeroPoint) * scale;
                first = Avx512F.FusedMultiplyAdd(weights, Vector512.Load(data + position), first);
                second = Avx512F.FusedMultiplyAdd(weights, Vector512.Load(data1 + position), second);
                third = Avx512F.FusedMultiplyAdd(weights, Vector512.Load(data2 + position), third);
                fourth = Avx512F.FusedMultiplyAdd(weights, Vector512.Load(data3 + position), fourth);
            }
        }

        results[0] = Vector512.Sum(first);
        results[stride] = Vector512.Sum(second);
        results[2 * stride] = Vector512.Sum(third);
        results[3 * stride] = Vector512.Sum(fourth);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Load(byte* stored, bool isSigned) => Avx512F.ConvertToVector512Single(
        isSigned ? Avx512F.ConvertToVector512Int32(Vector128.Load((sbyte*)stored)) : Avx512F.ConvertToVector512Int32(Vector128.Load(stored)));
}
