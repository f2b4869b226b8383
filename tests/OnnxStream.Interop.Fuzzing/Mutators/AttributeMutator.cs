using Google.Protobuf;
using OnnxStream.Interop.Onnx;

namespace OnnxStream.Interop.Fuzzing.Mutators;

/// <summary>Changes attributes: their values, kinds and names, and which there are.</summary>
/// <param name="known">Attributes of other models, which a node may be given.</param>
internal sealed class AttributeMutator(IReadOnlyList<AttributeProto> known)
{
    /// <summary>One change of a node's attributes.</summary>
    public void Mutate(NodeProto node, Random random)
    {
        if (node.Attribute.Count == 0 || random.Next(8) == 0)
        {
            Add(node, random);
            return;
        }

        AttributeProto attribute = random.Pick(node.Attribute);
        switch (random.Next(14))
        {
            case 0:
                node.Attribute.Remove(attribute);
                break;
            case 1:
                node.Attribute.Add(attribute.Clone());
                break;
            case 2:
                AttributeProto second = attribute.Clone();
                MutateValue(second, random);
                node.Attribute.Add(second);
                break;
            case 3:
                attribute.Type = (AttributeProto.Types.AttributeType)random.Next(0, 15);
                break;
            case 4:
                attribute.Name = random.Next(2) == 0 ? Interesting.Text(random) : random.Pick(known).Name;
                break;
            case 5 when random.Next(3) == 0:
                attribute.RefAttrName = Interesting.Text(random);
                break;
            default:
                MutateValue(attribute, random);
                break;
        }
    }

    private void Add(NodeProto node, Random random)
    {
        AttributeProto added = random.Pick(known).Clone();
        for (int i = node.Attribute.Count - 1; i >= 0; i--)
        {
            if (node.Attribute[i].Name == added.Name)
            {
                node.Attribute.RemoveAt(i);
            }
        }

        if (random.Next(2) == 0)
        {
            MutateValue(added, random);
        }

        node.Attribute.Add(added);
    }

    private static void MutateValue(AttributeProto attribute, Random random)
    {
        switch (attribute.Type)
        {
            case AttributeProto.Types.AttributeType.Int:
                attribute.I = Interesting.Integer(random);
                break;
            case AttributeProto.Types.AttributeType.Float:
                attribute.F = Interesting.Float(random);
                break;
            case AttributeProto.Types.AttributeType.String:
                attribute.S = random.Next(8) == 0 ? ByteString.CopyFrom(0xFF, 0xC0, 0x00) : ByteString.CopyFromUtf8(Interesting.Text(random));
                break;
            case AttributeProto.Types.AttributeType.Ints:
                TensorMutator.MutateList(attribute.Ints, random);
                break;
            case AttributeProto.Types.AttributeType.Floats:
                if (attribute.Floats.Count > 0 && random.Next(2) == 0)
                {
                    attribute.Floats[random.Next(attribute.Floats.Count)] = Interesting.Float(random);
                }
                else
                {
                    attribute.Floats.Add(Interesting.Float(random));
                }

                break;
            case AttributeProto.Types.AttributeType.Strings:
                if (attribute.Strings.Count > 0 && random.Next(2) == 0)
                {
                    attribute.Strings[random.Next(attribute.Strings.Count)] = ByteString.CopyFromUtf8(Interesting.Text(random));
                }
                else
                {
                    attribute.Strings.Add(ByteString.CopyFromUtf8(Interesting.Text(random)));
                }

                break;
            case AttributeProto.Types.AttributeType.Tensor when attribute.T is not null:
                TensorMutator.Mutate(attribute.T, random);
                break;
            default:
                attribute.I = Interesting.Integer(random);
                attribute.Type = AttributeProto.Types.AttributeType.Int;
                break;
        }
    }
}
