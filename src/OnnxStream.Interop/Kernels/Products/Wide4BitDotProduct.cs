using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>Products of 4-bit numbers with vectors of 512 bits: the 16 numbers of a block are a vector, from which a permutation takes one for each element.</summary>
/// <inheritdoc cref="QuantizedDotProduct(ElementType, int, int)"/>
internal sealed unsafe class Wide4BitDotProduct(ElementType type, int length, int block) : SingleDotProduct(type, length, block)
{
    private readonly Vector512<float> _numbers = Numbers(type);

    /// <inheritdoc/>
    public override void Arrange(float* data, byte* arranged)
    {
        float* numbers = (float*)arranged;
        // A byte holds two numbers: those with even positions come first, then those with odd ones.
        int half = Step / 2;
        for (int step = 0; step < Length; step += Step)
        {
            for (int i = 0; i < half; i++)
            {
                numbers[step + i] = data[step + 2 * i];
                numbers[step + half + i] = data[step + 2 * i + 1];
            }
        }
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override float MultiplyRow(byte* stored, float* scales, float* zeroPoints, int zeroPointStep, float* data)
    {
        Vector512<float> numbers = _numbers;
        Vector512<float> even = Vector512<float>.Zero;
        Vector512<float> odd = Vector512<float>.Zero;
        int remaining = Length;
        while (remaining > 0)
        {
            Vector512<float> table = (numbers - Vector512.Create(*zeroPoints)) * Vector512.Create(*scales++);
            zeroPoints += zeroPointStep;
            int end = Math.Min(Block, remaining);
            for (int i = 0; i < end; i += Step)
            {
                Vector512<int> pairs = Avx512F.ConvertToVector512Int32(Vector128.Load(stored));
                even = Avx512F.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, pairs), Vector512.Load(data), even);
                odd = Avx512F.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, Vector512.ShiftRightLogical(pairs, 4)), Vector512.Load(data + Step / 2), odd);
                stored += Step / 2;
                data += Step;
            }

            remaining -= end;
        }

        return Vector512.Sum(even + odd);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void MultiplyRows(byte* stored, float* scales, float* zeroPoints, int zeroPointStep, float* data, float* results, long stride)
    {
        Vector512<float> numbers = _numbers;
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
            Vector512<float> table = (numbers - Vector512.Create(*zeroPoints)) * Vector512.Create(*scales++);
            zeroPoints += zeroPointStep;
            int end = Math.Min(position + Block, Length);
            for (; position < end; position += Step)
            {
                Vector512<int> pairs = Avx512F.ConvertToVector512Int32(Vector128.Load(stored));
                Vector512<float> even = Avx512F.PermuteVar16x32(table, pairs);
                Vector512<float> odd = Avx512F.PermuteVar16x32(table, Vector512.ShiftRightLogical(pairs, 4));
                first = Avx512F.FusedMultiplyAdd(odd, Vector512.Load(data + position + Step / 2), Avx512F.FusedMultiplyAdd(even, Vector512.Load(data + position), first));
                second = Avx512F.FusedMultiplyAdd(odd, Vector512.Load(data1 + position + Step / 2), Avx512F.FusedMultiplyAdd(even, Vector512.Load(data1 + position), second));
                third = Avx512F.FusedMultiplyAdd(odd, Vector512.Load(data2 + position + Step / 2), Avx512F.FusedMultiplyAdd(even, Vector512.Load(data2 + position), third));
                fourth = Avx512F.FusedMultiplyAdd(odd, Vector512.Load(data3 + position + Step / 2), Avx512F.FusedMultiplyAdd(even, Vector512.Load(data3 + position), fourth));
                stored += Step / 2;
            }
        }

        results[0] = Vector512.Sum(first);
        results[stride] = Vector512.Sum(second);
        results[2 * stride] = Vector512.Sum(third);
        results[3 * stride] = Vector512.Sum(fourth);
    }

    // The number of each code.
    private static Vector512<float> Numbers(ElementType type)
    {
        byte* codes = stackalloc byte[16];
        for (int i = 0; i < 16; i++)
        {
            codes[i] = PackedElements.LowBits(type, i);
        }

        float* numbers = stackalloc float[16];
        QuantizedNumbers.ToSingle(type, codes, new Span<float>(numbers, 16));
        return Vector512.Load(numbers);
    }
}
