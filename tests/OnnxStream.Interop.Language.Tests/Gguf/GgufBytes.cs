using System.Buffers.Binary;
using System.Text;

namespace OnnxStream.Interop.Language.Tests.Gguf;

/// <summary>Writes GGUF files without tensors.</summary>
internal sealed class GgufBytes
{
    private readonly MemoryStream _values = new();
    private int _count;

    /// <summary>Adds a value: a text, a whole number, a truth value, or a list of texts, whole numbers or numbers.</summary>
    public GgufBytes Add(string key, object value)
    {
        _count++;
        Text(key);
        switch (value)
        {
            case string text:
                Number(8);
                Text(text);
                break;
            case bool flag:
                Number(7);
                _values.WriteByte(flag ? (byte)1 : (byte)0);
                break;
            case int number:
                Number(4);
                Number((uint)number);
                break;
            case IReadOnlyList<string> texts:
                List(8, texts.Count);
                foreach (string text in texts)
                {
                    Text(text);
                }

                break;
            case IReadOnlyList<int> numbers:
                List(5, numbers.Count);
                foreach (int number in numbers)
                {
                    Number((uint)number);
                }

                break;
            case IReadOnlyList<float> numbers:
                List(6, numbers.Count);
                foreach (float number in numbers)
                {
                    Number(BitConverter.SingleToUInt32Bits(number));
                }

                break;
            default:
                throw new ArgumentException($"{value.GetType()} is not written.");
        }

        return this;
    }

    /// <summary>The file.</summary>
    public byte[] ToArray()
    {
        byte[] head = new byte[24];
        "GGUF"u8.CopyTo(head);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(4), 3);
        BinaryPrimitives.WriteInt64LittleEndian(head.AsSpan(16), _count);
        return [.. head, .. _values.ToArray(), .. new byte[64]];
    }

    private void List(uint type, int count)
    {
        Number(9);
        Number(type);
        Long(count);
    }

    private void Text(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Long(bytes.Length);
        _values.Write(bytes);
    }

    private void Number(uint number)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, number);
        _values.Write(bytes);
    }

    private void Long(long number)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        _values.Write(bytes);
    }
}
