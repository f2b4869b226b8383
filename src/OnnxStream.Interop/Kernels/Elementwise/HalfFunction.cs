using System.Numerics.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>A function of half-precision elements that is computed in single precision: half precision is a storage format here.</summary>
internal readonly struct HalfFunction<TFunction>(TFunction function) : IUnaryFunction<Half, Half>
    where TFunction : struct, IUnaryFunction<float, float>
{
    private const int Chunk = 512;

    /// <inheritdoc/>
    public void Invoke(ReadOnlySpan<Half> input, Span<Half> output)
    {
        Span<float> wide = stackalloc float[Chunk];
        for (int start = 0; start < input.Length; start += Chunk)
        {
            int length = Math.Min(Chunk, input.Length - start);
            TensorPrimitives.ConvertToSingle(input.Slice(start, length), wide);
            function.Invoke(wide[..length], wide[..length]);
            TensorPrimitives.ConvertToHalf(wide[..length], output[start..]);
        }
    }
}
