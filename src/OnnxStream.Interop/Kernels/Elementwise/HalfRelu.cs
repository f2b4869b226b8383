using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>max(x, 0) of half-precision numbers as they are stored; NaN stays.</summary>
/// <remarks>Of the bits with a sign, those of NaN are the greatest integers: what is at most -infinity becomes zero.</remarks>
internal readonly struct HalfRelu : IUnaryFunction<Half, Half>
{
    private const short NegativeInfinity = unchecked((short)0xfc00);

    /// <inheritdoc/>
    public static bool IsQuick => Vector.IsHardwareAccelerated;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public unsafe void Invoke(ReadOnlySpan<Half> input, Span<Half> output)
    {
        fixed (Half* source = input, target = output)
        {
            short* elements = (short*)source;
            short* results = (short*)target;
            int i = 0;
            Vector<short> limit = new(NegativeInfinity);
            for (; i <= input.Length - Vector<short>.Count; i += Vector<short>.Count)
            {
                Vector<short> bits = Vector.Load(elements + i);
                (Vector.GreaterThan(bits, limit) & bits).Store(results + i);
            }

            for (; i < input.Length; i++)
            {
                results[i] = elements[i] > NegativeInfinity ? elements[i] : (short)0;
            }
        }
    }
}
