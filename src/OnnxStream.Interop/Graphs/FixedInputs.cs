using System.Runtime.InteropServices;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Graphs;

/// <summary>Makes a model in which some inputs are constants.</summary>
internal static class FixedInputs
{
    /// <summary>The model with constants in the place of inputs.</summary>
    /// <param name="content">The model.</param>
    /// <param name="constants">By the names of its inputs, of the types that it declares.</param>
    public static ModelContent In(ModelContent content, IReadOnlyDictionary<string, Constant> constants)
    {
        Graph graph = GraphCopy.Of(content.Graph).Graph;

        // New values: one that was optional would be taken for what a caller may still give.
        Dictionary<Value, Value> values = graph.Inputs.Concat(graph.OptionalInputs).Where(input => constants.ContainsKey(input.Name)).ToDictionary(
            input => input, input => new Value(input.Name) { Type = constants[input.Name].Type, Constant = constants[input.Name] });
        graph.Inputs.RemoveAll(values.ContainsKey);
        graph.OptionalInputs.RemoveAll(values.ContainsKey);
        foreach (Graph part in graph.AllNodes().SelectMany(node => node.Graphs()).Prepend(graph))
        {
            foreach (Node node in part.Nodes)
            {
                foreach (ref Value? input in node.Inputs.AsSpan())
                {
                    input = input is null ? null : values.GetValueOrDefault(input, input);
                }
            }

            foreach (ref Value output in CollectionsMarshal.AsSpan(part.Outputs))
            {
                output = values.GetValueOrDefault(output, output);
            }
        }

        return content with { Graph = graph };
    }
}
