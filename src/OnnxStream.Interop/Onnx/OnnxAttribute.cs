using Google.Protobuf;

namespace OnnxStream.Interop.Onnx;

/// <summary>Makes attributes of ONNX's format.</summary>
internal static class OnnxAttribute
{
    /// <summary>An attribute with a number, a text, or a list of them.</summary>
    /// <exception cref="ArgumentException">The value is none of these.</exception>
    public static AttributeProto Make(string name, object value)
    {
        AttributeProto proto = new() { Name = name };
        switch (value)
        {
            case int number:
                return Make(name, (long)number);
            case long number:
                proto.Type = AttributeProto.Types.AttributeType.Int;
                proto.I = number;
                break;
            case float number:
                proto.Type = AttributeProto.Types.AttributeType.Float;
                proto.F = number;
                break;
            case string text:
                proto.Type = AttributeProto.Types.AttributeType.String;
                proto.S = ByteString.CopyFromUtf8(text);
                break;
            case int[] numbers:
                return Make(name, Array.ConvertAll(numbers, number => (long)number));
            case long[] numbers:
                proto.Type = AttributeProto.Types.AttributeType.Ints;
                proto.Ints.Add(numbers);
                break;
            case float[] numbers:
                proto.Type = AttributeProto.Types.AttributeType.Floats;
                proto.Floats.Add(numbers);
                break;
            case string[] texts:
                proto.Type = AttributeProto.Types.AttributeType.Strings;
                proto.Strings.Add(texts.Select(ByteString.CopyFromUtf8));
                break;
            default:
                throw new ArgumentException($"An attribute cannot be a {value.GetType()}.", nameof(value));
        }

        return proto;
    }
}
