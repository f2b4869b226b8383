using System.Collections.Frozen;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Tensors;

/// <summary>Elements of 4 and 2 bits: several to a byte in files, the first one in the lowest bits; one to a byte in memory.</summary>
/// <remarks>https://onnx.ai/onnx/technical/int4.html, https://onnx.ai/onnx/technical/int2.html and https://onnx.ai/onnx/technical/float4.html.</remarks>
internal static class PackedElements
{
    // For each byte of a file, the elements in it as bytes, the first one lowest.
    private static readonly FrozenDictionary<ElementType, uint[]> s_elements =
        new[] { ElementType.UInt4, ElementType.Int4, ElementType.Float4E2M1, ElementType.UInt2, ElementType.Int2 }.ToFrozenDictionary(type => type, type => Enumerable.Range(0, 256).Select(packed => Elements(type, packed)).ToArray());

    /// <summary>Gives each element a byte.</summary>
    /// <param name="type">A type of which several elements lie in a byte.</param>
    /// <param name="packed">The bytes of the file; the first element is in the lowest bits of the first one.</param>
    /// <param name="elements">Receives as many elements as it has room for: as many as are there, or a few less.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Unpack(ElementType type, ReadOnlySpan<byte> packed, Span<byte> elements)
    {
        uint[] table = s_elements[type];
        int perByte = type.PerByte();
        int whole = elements.Length / perByte;
        if (perByte == 2)
        {
            Span<ushort> pairs = MemoryMarshal.Cast<byte, ushort>(elements);
            for (int i = 0; i < whole; i++)
            {
                pairs[i] = (ushort)table[packed[i]];
            }
        }
        else
        {
            Span<uint> fours = MemoryMarshal.Cast<byte, uint>(elements);
            for (int i = 0; i < whole; i++)
            {
                fours[i] = table[packed[i]];
            }
        }

        for (int i = whole * perByte; i < elements.Length; i++)
        {
            elements[i] = (byte)(table[packed[whole]] >> (8 * (i % perByte)));
        }
    }

    /// <summary>Puts elements of a byte each together.</summary>
    /// <param name="type">A type of which several elements lie in a byte.</param>
    /// <param name="elements">The elements; bits that the type does not have are left out.</param>
    /// <returns>The bytes of a file. What the last one has beyond the last element is zero.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static byte[] Pack(ElementType type, ReadOnlySpan<byte> elements)
    {
        int perByte = type.PerByte();
        int bits = 8 / perByte;
        byte[] packed = new byte[(elements.Length + perByte - 1) / perByte];
        for (int i = 0; i < elements.Length; i++)
        {
            packed[i / perByte] |= (byte)((elements[i] & ((1 << bits) - 1)) << (i % perByte * bits));
        }

        return packed;
    }

    /// <summary>The integer, or code, that the lower bits of a number are.</summary>
    /// <param name="type">A type of 4 or 2 bits.</param>
    /// <param name="number">Any number.</param>
    public static byte LowBits(ElementType type, int number) => type switch
    {
        ElementType.Int4 => (byte)(sbyte)(number << 28 >> 28),
        ElementType.Int2 => (byte)(sbyte)(number << 30 >> 30),
        ElementType.UInt2 => (byte)(number & 3),
        _ => (byte)(number & 15),
    };

    /// <summary>Where the first byte lies that is no element of the type: -1 if each is one.</summary>
    public static int FirstStranger(ElementType type, ReadOnlySpan<byte> elements) => type switch
    {
        ElementType.UInt4 or ElementType.Float4E2M1 => elements.IndexOfAnyExceptInRange((byte)0, (byte)15),
        ElementType.UInt2 => elements.IndexOfAnyExceptInRange((byte)0, (byte)3),
        ElementType.Int4 => MemoryMarshal.Cast<byte, sbyte>(elements).IndexOfAnyExceptInRange((sbyte)-8, (sbyte)7),
        ElementType.Int2 => MemoryMarshal.Cast<byte, sbyte>(elements).IndexOfAnyExceptInRange((sbyte)-2, (sbyte)1),
        _ => -1,
    };

    private static uint Elements(ElementType type, int packed)
    {
        uint elements = 0;
        for (int i = 0; i < type.PerByte(); i++)
        {
            elements |= (uint)LowBits(type, packed >> (8 / type.PerByte() * i)) << (8 * i);
        }

        return elements;
    }
}
