using OnnxStream.Interop.Onnx;

namespace OnnxStream.Interop.Conformance.Tests;

/// <summary>Why a case cannot be run, read off its model.</summary>
internal static class CaseProperties
{
    /// <summary>The words of the list of what is left out.</summary>
    public const string Training = "operators of training";

    /// <inheritdoc cref="Training"/>
    public const string Strings = "string tensors";

    /// <inheritdoc cref="Training"/>
    public const string ElementTypes = "element types that are not known";

    /// <inheritdoc cref="Training"/>
    public const string Images = "files of images";

    /// <inheritdoc cref="Training"/>
    public const string ClassicalLearning = "operators of ai.onnx.ml";

    /// <summary>What the model needs that this library does not have by design; null if nothing.</summary>
    public static string? WhyLeftOut(ModelProto model)
    {
        if (model.OpsetImport.Any(set => set.Domain == "ai.onnx.preview.training"))
        {
            return Training;
        }

        List<TypeProto> types = [];
        List<int> elements = [];
        Collect(model.Graph, types, elements);
        return types.Any(type => type.TensorType?.ElemType == (int)ElementType.String) || elements.Contains((int)ElementType.String) ? Strings :
            model.Graph.Node.Any(node => node.Domain == "ai.onnx.ml") ? ClassicalLearning :
            model.Graph.Node.Any(node => node.OpType == "ImageDecoder") ? Images :
            types.Select(type => type.TensorType?.ElemType ?? 0).Concat(elements).Any(element => !Enum.IsDefined((ElementType)element)) ? ElementTypes : null;
    }

    private static void Collect(GraphProto graph, List<TypeProto> types, List<int> elements)
    {
        types.AddRange(graph.Input.Concat(graph.Output).Concat(graph.ValueInfo).Select(value => value.Type).OfType<TypeProto>());
        elements.AddRange(graph.Initializer.Select(tensor => tensor.DataType));
        foreach (AttributeProto attribute in graph.Node.SelectMany(node => node.Attribute))
        {
            if (attribute.T is { } tensor)
            {
                elements.Add(tensor.DataType);
            }

            if (attribute.G is { } body)
            {
                Collect(body, types, elements);
            }
        }
    }
}
