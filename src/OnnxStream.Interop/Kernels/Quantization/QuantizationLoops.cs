using System.Numerics;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>Single-precision numbers to bytes with one scale, vector by vector, and back.</summary>
internal static unsafe class QuantizationLoops
{
    private const int Chunk = 512;

    /// <summary>saturate(round(x / scale) + zero point), halves rounded to even; NaN becomes 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Quantize(float* input, float scale, float zeroPoint, byte* output, int count, bool isSigned)
    {
        float least = isSigned ? sbyte.MinValue : byte.MinValue;
        float most = isSigned ? sbyte.MaxValue : byte.MaxValue;
        int width = Vector<float>.Count;
        int i = 0;
        for (; i <= count - Vector<byte>.Count; i += Vector<byte>.Count)
        {
            Vector<short> low = Vector.Narrow(
                Quantize(Vector.Load(input + i), scale, zeroPoint, least, most), Quantize(Vector.Load(input + i + width), scale, zeroPoint, least, most));
            Vector<short> high = Vector.Narrow(
                Quantize(Vector.Load(input + i + 2 * width), scale, zeroPoint, least, most), Quantize(Vector.Load(input + i + 3 * width), scale, zeroPoint, least, most));
            Vector.AsVectorByte(Vector.Narrow(low, high)).Store(output + i);
        }

        for (; i < count; i++)
        {
            float x = MathF.Round(input[i] / scale) + zeroPoint;
            output[i] = float.IsNaN(x) ? (byte)0 : unchecked((byte)(int)Math.Clamp(x, least, most));
        }
    }

    /// <summary>(x - zero point) * scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Dequantize(byte* input, float scale, float zeroPoint, float* output, int count, bool isSigned)
    {
        for (int start = 0; start < count; start += Chunk)
        {
            int length = Math.Min(Chunk, count - start);
            ElementConversion.Convert(isSigned ? ElementType.Int8 : ElementType.UInt8, input + start, ElementType.Float32, (byte*)(output + start), length);
            int i = 0;
            for (; i <= length - Vector<float>.Count; i += Vector<float>.Count)
            {
                ((Vector.Load(output + start + i) - new Vector<float>(zeroPoint)) * new Vector<float>(scale)).Store(output + start + i);
            }

            for (; i < length; i++)
            {
                output[start + i] = (output[start + i] - zeroPoint) * scale;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<int> Quantize(Vector<float> x, float scale, float zeroPoint, float least, float most)
    {
        Vector<float> number = Vector.Round(x / new Vector<float>(scale)) + new Vector<float>(zeroPoint);
        return Vector.ConvertToInt32(Vector.Min(Vector.Max(number, new Vector<float>(least)), new Vector<float>(most)));
    }
}
