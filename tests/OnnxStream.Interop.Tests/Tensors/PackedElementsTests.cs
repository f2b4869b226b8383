using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Tests.Tensors;

public class PackedElementsTests
{
    private static readonly (ElementType Type, int Bits, bool IsSigned)[] s_types =
        [(ElementType.UInt4, 4, false), (ElementType.Int4, 4, true), (ElementType.Float4E2M1, 4, false), (ElementType.UInt2, 2, false), (ElementType.Int2, 2, true)];

    [Test]
    public void EveryByteAndEveryLength([ValueSource(nameof(s_types))] (ElementType Type, int Bits, bool IsSigned) type)
    {
        byte[] packed = [.. Enumerable.Range(0, 256).Select(value => (byte)value)];
        for (int length = 256 * 8 / type.Bits; length > 255 * 8 / type.Bits; length--)
        {
            byte[] elements = new byte[length];
            PackedElements.Unpack(type.Type, packed, elements);
            Assert.That(elements, Is.EqualTo(Plain(type, packed, length)));
            byte[] again = PackedElements.Pack(type.Type, elements);
            Assert.That(again[..255], Is.EqualTo(packed[..255]));
            Assert.That(again[255], Is.EqualTo(255 & ((1 << (length * type.Bits - 255 * 8)) - 1)), "bits beyond the last element are zero");
        }
    }

    [Test]
    public void ShortOnes([ValueSource(nameof(s_types))] (ElementType Type, int Bits, bool IsSigned) type)
    {
        for (int length = 0; length < 9; length++)
        {
            byte[] packed = [.. new byte[] { 0xE4, 0x1B, 0x27, 0x9D, 0xFF }.Take((length * type.Bits + 7) / 8)];
            byte[] elements = new byte[length];
            PackedElements.Unpack(type.Type, packed, elements);
            Assert.That(elements, Is.EqualTo(Plain(type, packed, length)));
        }
    }

    [Test]
    public void LowBitsOfAnyNumber([ValueSource(nameof(s_types))] (ElementType Type, int Bits, bool IsSigned) type, [Values(0, 1, 7, 8, -1, -8, -9, 255, int.MaxValue, int.MinValue, 0x12345679)] int number) =>
        Assert.That(PackedElements.LowBits(type.Type, number), Is.EqualTo((byte)Low(type, number)));

    [Test]
    public void FindsBytesThatAreNoElements([ValueSource(nameof(s_types))] (ElementType Type, int Bits, bool IsSigned) type)
    {
        for (int value = 0; value < 256; value++)
        {
            int expected = (byte)Low(type, value) == value ? -1 : 2;
            Assert.That(PackedElements.FirstStranger(type.Type, [0, 1, (byte)value, 0]), Is.EqualTo(expected), $"{value}");
        }
    }

    // Bit for bit.
    private static byte[] Plain((ElementType Type, int Bits, bool IsSigned) type, byte[] packed, int length)
    {
        byte[] elements = new byte[length];
        for (int i = 0; i < length; i++)
        {
            int number = 0;
            for (int bit = 0; bit < type.Bits; bit++)
            {
                int position = i * type.Bits + bit;
                number += (packed[position / 8] >> (position % 8) & 1) << bit;
            }

            elements[i] = (byte)Low(type, number);
        }

        return elements;
    }

    private static int Low((ElementType Type, int Bits, bool IsSigned) type, int number)
    {
        int count = 1 << type.Bits;
        int low = ((number % count) + count) % count;
        return type.IsSigned && low >= count / 2 ? low - count : low;
    }
}
