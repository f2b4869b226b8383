using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace OnnxStream.Interop.Kernels;

/// <summary>Single-precision numbers to bytes with one scale, vector by vector, and back.</summary>
internal static unsafe class QuantizationLoops
{
    private const float Magic = 12582912; // 1.5 * 2^23: adding it rounds to the nearest integer, ties to even
    private const int MagicBits = 0x4B400000;

    /// <summary>saturate(round(x / scale) + zero point), halves rounded to even; NaN becomes 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Quantize(float* input, float scale, float zeroPoint, byte* output, int count, bool isSigned)
    {
        // Quotients are limited before they are rounded: limits are integers, so that comes to the same.
        float least = (isSigned ? sbyte.MinValue : byte.MinValue) - zeroPoint;
        float most = (isSigned ? sbyte.MaxValue : byte.MaxValue) - zeroPoint;
        int i = 0;
        if (Avx512F.IsSupported)
        {
            Vector512<float> scales = Vector512.Create(scale);
            Vector512<float> lows = Vector512.Create(least);
            Vector512<float> highs = Vector512.Create(most);
            Vector512<int> zeroPoints = Vector512.Create((int)zeroPoint);
            for (; i <= count - Vector512<float>.Count; i += Vector512<float>.Count)
            {
                Vector512<float> quotients = Vector512.Load(input + i) / scales;
                Vector512<int> isNumber = Vector512.Equals(quotients, quotients).AsInt32();
                Vector512<int> integers = Avx512F.ConvertToVector512Int32(Vector512.MinNative(Vector512.MaxNative(quotients, lows), highs)) + zeroPoints;
                Avx512F.ConvertToVector128Byte((integers & isNumber).AsUInt32()).Store(output + i);
            }
        }
        else
        {
            Vector<float> scales = new(scale);
            Vector<float> lows = new(least);
            Vector<float> highs = new(most);
            Vector<int> zeroPoints = new((int)zeroPoint - MagicBits);
            int width = Vector<float>.Count;
            for (; i <= count - Vector<byte>.Count; i += Vector<byte>.Count)
            {
                Vector<short> low = Vector.Narrow(Quantize(input + i, scales, lows, highs, zeroPoints), Quantize(input + i + width, scales, lows, highs, zeroPoints));
                Vector<short> high = Vector.Narrow(Quantize(input + i + 2 * width, scales, lows, highs, zeroPoints), Quantize(input + i + 3 * width, scales, lows, highs, zeroPoints));
                Vector.AsVectorByte(Vector.Narrow(low, high)).Store(output + i);
            }
        }

        for (; i < count; i++)
        {
            float x = MathF.Round(Math.Clamp(input[i] / scale, least, most)) + zeroPoint;
            output[i] = float.IsNaN(x) ? (byte)0 : unchecked((byte)(int)x);
        }
    }

    /// <summary>(x - zero point) * scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Dequantize(byte* input, float scale, float zeroPoint, float* output, int count, bool isSigned)
    {
        // Bytes with a sign are taken without one, and 128 away with the zero point.
        const byte Sign = 0x80;
        byte flip = isSigned ? Sign : (byte)0;
        int zero = (int)zeroPoint + flip;
        int i = 0;
        if (Avx512F.IsSupported)
        {
            Vector512<float> scales = Vector512.Create(scale);
            Vector512<int> zeroPoints = Vector512.Create(zero);
            for (; i <= count - Vector512<float>.Count; i += Vector512<float>.Count)
            {
                Vector512<int> integers = Avx512F.ConvertToVector512Int32(Vector128.Load(input + i) ^ Vector128.Create(flip)) - zeroPoints;
                (Avx512F.ConvertToVector512Single(integers) * scales).Store(output + i);
            }
        }
        else
        {
            Vector<float> scales = new(scale);
            Vector<int> zeroPoints = new(zero);
            int width = Vector<float>.Count;
            for (; i <= count - Vector<byte>.Count; i += Vector<byte>.Count)
            {
                Vector.Widen(Vector.Load(input + i) ^ new Vector<byte>(flip), out Vector<ushort> low, out Vector<ushort> high);
                Store(low, zeroPoints, scales, output + i);
                Store(high, zeroPoints, scales, output + i + 2 * width);
            }
        }

        for (; i < count; i++)
        {
            output[i] = ((input[i] ^ flip) - zero) * scale;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<int> Quantize(float* input, Vector<float> scales, Vector<float> lows, Vector<float> highs, Vector<int> zeroPoints)
    {
        Vector<float> quotients = Vector.Load(input) / scales;
        Vector<float> rounded = Vector.MinNative(Vector.MaxNative(quotients, lows), highs) + new Vector<float>(Magic);
        return (Vector.AsVectorInt32(rounded) + zeroPoints) & Vector.AsVectorInt32(Vector.Equals(quotients, quotients));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector<ushort> bytes, Vector<int> zeroPoints, Vector<float> scales, float* output)
    {
        Vector.Widen(bytes, out Vector<uint> low, out Vector<uint> high);
        (Vector.ConvertToSingle(Vector.AsVectorInt32(low) - zeroPoints) * scales).Store(output);
        (Vector.ConvertToSingle(Vector.AsVectorInt32(high) - zeroPoints) * scales).Store(output + Vector<float>.Count);
    }
}
