using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Graphs;

/// <summary>Makes a model in which some inputs are constants.</summary>
internal static class FixedInputs
{
    /// <summary>The model with constants in the place of inputs.</summary>
    /// <param name="content">The model.</param>
    /// <param name="tensors">By the names of its inputs, of the types that it declares.</param>
    public static ModelContent In(ModelContent content, IReadOnlyDictionary<string, TensorBuffer> tensors)
    {
        Graph graph = GraphCopy.Of(content.Graph).Graph;

        // New values: one that was optional would be taken for what a caller may still give.
        Dictionary<Value, Value> constants = graph.Inputs.Concat(graph.OptionalInputs).Where(input => tensors.ContainsKey(input.Name)).ToDictionary(input => input, input => Constant(input.Name, tensors[input.Name]));
        graph.Inputs.RemoveAll(constants.ContainsKey);
        graph.OptionalInputs.RemoveAll(constants.ContainsKey);
        foreach (Graph part in graph.AllNodes().SelectMany(node => node.Graphs()).Prepend(graph))
        {
            foreach (Node node in part.Nodes)
            {
                foreach (ref Value? input in node.Inputs.AsSpan())
                {
                    input = input is null ? null : constants.GetValueOrDefault(input, input);
                }
            }

            foreach (ref Value output in CollectionsMarshal.AsSpan(part.Outputs))
            {
                output = constants.GetValueOrDefault(output, output);
            }
        }

        return content with { Graph = graph };
    }

    private static Value Constant(string name, TensorBuffer tensor) => new(name) { Type = tensor.Type, Constant = Tensors.Constant.FromData(tensor.Type, tensor.Bytes.ToArray()) };
}
