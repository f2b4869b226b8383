using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>A function of half-precision elements that is computed in single precision: half precision is a storage format here.</summary>
internal readonly struct HalfFunction<TFunction>(TFunction function) : IUnaryFunction<Half, Half>
    where TFunction : struct, IUnaryFunction<float, float>
{
    private const int Chunk = 512;

    /// <inheritdoc/>
    public unsafe void Invoke(ReadOnlySpan<Half> input, Span<Half> output)
    {
        Span<float> wide = stackalloc float[Chunk];
        fixed (Half* source = input, target = output)
        fixed (float* numbers = wide)
        {
            for (int start = 0; start < input.Length; start += Chunk)
            {
                int length = Math.Min(Chunk, input.Length - start);
                HalfConversion.ToSingle(source + start, numbers, length);
                function.Invoke(wide[..length], wide[..length]);
                HalfConversion.FromSingle(numbers, target + start, length);
            }
        }
    }
}
