using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Tensors;

/// <summary>Converts the elements of weights from the type in which they are stored to the one that is computed with.</summary>
internal static unsafe class WeightElements
{
    /// <summary>Converts all elements of a constant.</summary>
    /// <param name="constant">Says from which type to which.</param>
    /// <param name="source">The stored bytes.</param>
    /// <param name="destination">Receives the elements.</param>
    public static void Convert(Constant constant, byte* source, Span<byte> destination)
    {
        if (constant.IsPacked)
        {
            PackedElements.Unpack(constant.StoredType, new ReadOnlySpan<byte>(source, checked((int)constant.Type.PackedByteLength)), destination);
        }
        else
        {
            ToFloat32(constant, source, MemoryMarshal.Cast<byte, float>(destination));
        }
    }

    /// <summary>Converts stored elements to single precision.</summary>
    /// <param name="constant">Says from which type.</param>
    /// <param name="source">The first stored element; need not be aligned.</param>
    /// <param name="destination">Receives as many elements as it has room for.</param>
    public static void ToFloat32(Constant constant, byte* source, Span<float> destination)
    {
        switch (constant.StoredType)
        {
            case ElementType.Float32:
                new ReadOnlySpan<byte>(source, destination.Length * sizeof(float)).CopyTo(MemoryMarshal.AsBytes(destination));
                break;
            case ElementType.Float16:
                TensorPrimitives.ConvertToSingle(new ReadOnlySpan<Half>(source, destination.Length), destination);
                break;
            case ElementType.BFloat16:
                for (int i = 0; i < destination.Length; i++)
                {
                    destination[i] = BitConverter.Int32BitsToSingle(((ushort*)source)[i] << 16);
                }

                break;
            case ElementType.UInt8 when constant.Quantization is { } quantization:
                for (int i = 0; i < destination.Length; i++)
                {
                    destination[i] = (source[i] - quantization.ZeroPoint) * quantization.Scale;
                }

                break;
            default:
                throw new InvalidOperationException($"Weights stored as {constant.StoredType} are not converted.");
        }
    }
}
