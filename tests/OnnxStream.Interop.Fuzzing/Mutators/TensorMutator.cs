using Google.Protobuf;
using Google.Protobuf.Collections;
using OnnxStream.Interop.Onnx;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Fuzzing.Mutators;

/// <summary>Makes tensor messages contradict themselves.</summary>
internal static class TensorMutator
{
    private static readonly string[] s_locations =
        ["model.onnx", "weights.bin", "./weights.bin", "link.bin", "../weights.bin", "/etc/hostname", "/dev/zero", "", ".", "a/../../b", "missing.bin", "folder", "w\0", "C:\\w", "\\\\server\\share", "\0self"];

    private static readonly string[] s_numbers =
        ["0", "1", "-1", "4", "1024", "4096", "2147483648", "9223372036854775807", "9223372036854775808", "18446744073709551616", "x", "", "1e3", "0x10", " 8"];

    private static readonly ElementType[] s_types = [.. Enum.GetValues<ElementType>().Where(type => type.SizeOf() > 0)];

    /// <summary>One change.</summary>
    public static void Mutate(TensorProto tensor, Random random)
    {
        switch (random.Next(14))
        {
            case 0:
                MutateList(tensor.Dims, random);
                break;
            case 1:
                tensor.DataType = random.Next(3) == 0 ? (int)Interesting.Integer(random) : Interesting.Type(random);
                break;
            case 2:
                tensor.RawData = ByteString.CopyFrom(tensor.RawData.Span[..random.Next(tensor.RawData.Length + 1)]);
                break;
            case 3:
                tensor.RawData = ByteString.CopyFrom([.. tensor.RawData.Span, .. new byte[random.Next(1, 100)]]);
                break;
            case < 8:
                MutateElement(tensor, random);
                break;
            case 8:
                Place(tensor, random);
                break;
            case 9:
                tensor.FloatData.Add(Interesting.Float(random));
                break;
            case 10:
                tensor.Int64Data.Add(Interesting.Integer(random));
                tensor.Int32Data.Add((int)Interesting.Integer(random));
                break;
            case 11:
                tensor.StringData.Add(ByteString.CopyFromUtf8(Interesting.Text(random)));
                tensor.DataType = random.Next(2) == 0 ? 8 : tensor.DataType;
                break;
            case 12:
                tensor.ClearRawData();
                break;
            default:
                // A consistent tensor of another shape: only the graph can object.
                tensor.Dims.Clear();
                tensor.Dims.Add(Enumerable.Range(0, random.Next(5)).Select(_ => (long)random.Next(0, 5)));
                ElementType type = random.Next(4) switch { 0 => ElementType.Float32, 1 => ElementType.Int64, 2 => ElementType.Bool, _ => random.Pick(s_types) };
                tensor.DataType = (int)type;
                tensor.Int32Data.Clear();
                tensor.FloatData.Clear();
                byte[] bytes = new byte[tensor.Dims.Aggregate(1L, (count, dimension) => count * dimension) * type.SizeOf()];
                random.NextBytes(bytes);
                tensor.RawData = ByteString.CopyFrom(type.PerByte() > 1 ? PackedElements.Pack(type, bytes) : bytes);
                break;
        }
    }

    /// <summary>One change of a list of numbers: an element that becomes another, is lost or added.</summary>
    public static void MutateList(RepeatedField<long> list, Random random)
    {
        int place = random.Next(list.Count + 1);
        switch (random.Next(6))
        {
            case 0:
                list.Insert(place, Interesting.Integer(random));
                break;
            case 1 when place < list.Count:
                list.RemoveAt(place);
                break;
            case 2 when random.Next(4) == 0:
                list.Add(Enumerable.Range(0, random.Next(2000)).Select(_ => Interesting.Integer(random)));
                break;
            case 3:
                list.Clear();
                break;
            default:
                if (place < list.Count)
                {
                    list[place] = Interesting.Integer(random);
                }

                break;
        }
    }

    private static void MutateElement(TensorProto tensor, Random random)
    {
        if (tensor.Int64Data.Count > 0)
        {
            tensor.Int64Data[random.Next(tensor.Int64Data.Count)] = Interesting.Integer(random);
        }
        else if (tensor.FloatData.Count > 0)
        {
            tensor.FloatData[random.Next(tensor.FloatData.Count)] = Interesting.Float(random);
        }
        else if (tensor.Int32Data.Count > 0)
        {
            tensor.Int32Data[random.Next(tensor.Int32Data.Count)] = (int)Interesting.Integer(random);
        }
        else if (tensor.RawData.Length >= 8)
        {
            byte[] bytes = tensor.RawData.ToByteArray();
            int size = ((ElementType)tensor.DataType).SizeOf() == 8 ? 8 : 4;
            int place = random.Next(bytes.Length / size) * size;
            byte[] number = tensor.DataType == (int)ElementType.Float32 ? BitConverter.GetBytes(Interesting.Float(random)) : BitConverter.GetBytes(Interesting.Integer(random));
            number.AsSpan(0, size).CopyTo(bytes.AsSpan(place));
            tensor.RawData = ByteString.CopyFrom(bytes);
        }
        else if (tensor.RawData.Length > 0)
        {
            byte[] bytes = tensor.RawData.ToByteArray();
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            tensor.RawData = ByteString.CopyFrom(bytes);
        }
    }

    // External data; the target leaves the files that are named here beside the model.
    private static void Place(TensorProto tensor, Random random)
    {
        tensor.DataLocation = TensorProto.Types.DataLocation.External;
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = random.Pick(s_locations) });
        if (random.Next(2) == 0)
        {
            tensor.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = random.Pick(s_numbers) });
        }

        if (random.Next(2) == 0)
        {
            tensor.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = random.Next(2) == 0 ? $"{tensor.RawData.Length}" : random.Pick(s_numbers) });
        }

        if (random.Next(4) != 0)
        {
            tensor.ClearRawData();
        }
    }
}
