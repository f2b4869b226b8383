using Google.Protobuf;
using OnnxStream.Interop.Tests;

namespace OnnxStream.Interop.Conformance.Tests;

/// <summary>Reads a file of a test case that holds a sequence or an optional value. https://onnx.ai/onnx/api/classes.html (SequenceProto, OptionalProto)</summary>
internal static class ValueFile
{
    // The fields of both messages that are tensors, and that of OptionalProto that is a sequence.
    private const int Tensors = 3;
    private const int Tensor = 3;
    private const int Sequence = 5;

    /// <summary>What a file holds; null for an optional value without content. A case may also give a tensor where its model declares an optional one.</summary>
    public static OnnxValue? Load(string path, ValueMetadata declared)
    {
        byte[] bytes = File.ReadAllBytes(path);
        if (!declared.IsOptional)
        {
            return ReadSequence(bytes, declared.ElementType);
        }

        try
        {
            return OnnxTensorFile.Load(path);
        }
        catch (OnnxStreamException)
        {
            // It is the message of an optional value.
        }

        if (Fields(bytes, Sequence).FirstOrDefault() is { } sequence)
        {
            return ReadSequence(sequence, declared.ElementType);
        }

        return Fields(bytes, Tensor).Select(ReadTensor).FirstOrDefault();
    }

    private static TensorSequence ReadSequence(byte[] bytes, ElementType elementType) => new(elementType, Fields(bytes, Tensors).Select(ReadTensor));

    private static TensorBuffer ReadTensor(byte[] bytes)
    {
        using TemporaryFolder folder = new();
        return OnnxTensorFile.Load(folder.Write("tensor.pb", bytes));
    }

    // The bytes of each field of this number.
    private static List<byte[]> Fields(byte[] message, int number)
    {
        List<byte[]> found = [];
        using CodedInputStream input = new(message);
        for (uint tag = input.ReadTag(); tag != 0; tag = input.ReadTag())
        {
            if (WireFormat.GetTagFieldNumber(tag) == number && WireFormat.GetTagWireType(tag) == WireFormat.WireType.LengthDelimited)
            {
                found.Add(input.ReadBytes().ToByteArray());
            }
            else
            {
                input.SkipLastField();
            }
        }

        return found;
    }
}
