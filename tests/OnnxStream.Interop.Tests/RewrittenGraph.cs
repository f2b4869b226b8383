using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Rewrites;
using OnnxStream.Interop.Sessions;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Tests;

/// <summary>What is left of a model after specialization for input shapes and all rewrites.</summary>
internal static class RewrittenGraph
{
    /// <summary>The graph, for inputs of these shapes.</summary>
    public static Graph Of(Model model, IReadOnlyDictionary<string, Shape> inputs)
    {
        XnnpackLibrary.Initialize(); // folding constants computes
        Dictionary<Value, (TensorType, Constant?)> known = [];
        foreach (Value input in model.Graph.Inputs)
        {
            known.Add(input, (new TensorType(input.Declared!.ElementType, inputs[input.Name]), null));
        }

        using ConstantEvaluator evaluator = new();
        Segment segment = Specializer.Specialize(model.Graph, 0, known, [.. model.Graph.Outputs], evaluator.Evaluate);
        Assert.That(segment.End, Is.EqualTo(model.Graph.Nodes.Count), "the graph falls into several segments");
        Rewriter.Rewrite(segment.Graph);
        AssertConsistent(segment.Graph);
        return segment.Graph;
    }

    /// <summary>The operators that are left, each with its number of nodes: <c>2 Add, 1 onnxstream.Attention</c>.</summary>
    public static string Describe(Graph graph) => string.Join(", ", graph.Nodes
        .GroupBy(Name)
        .OrderBy(group => group.Key, StringComparer.Ordinal)
        .Select(group => $"{group.Count()} {group.Key}"));

    /// <summary>An operator with its domain, if that is not ONNX's own.</summary>
    public static string Name(Node node) => node.Domain.Length > 0 ? $"{node.Domain}.{node.OperatorType}" : node.OperatorType;

    // Producers stand before their consumers, every value has a type and knows who makes it.
    private static void AssertConsistent(Graph graph)
    {
        HashSet<Value> made = [.. graph.Inputs];
        foreach (Node node in graph.Nodes)
        {
            foreach (Value? input in node.Inputs)
            {
                Assert.That(input is null || input.Constant is not null || made.Contains(input), Is.True, () => $"{node} reads {input} before it is made");
            }

            foreach (Value? output in node.Outputs)
            {
                if (output is not null)
                {
                    Assert.That(made.Add(output), Is.True, () => $"{output} is made twice");
                    Assert.That(output.Type, Is.Not.Null, () => $"{output} has no type");
                    Assert.That(output.Producer, Is.SameAs(node), () => $"{output} does not know that {node} makes it");
                }
            }
        }

        foreach (Value output in graph.Outputs)
        {
            Assert.That(output.Constant is not null || made.Contains(output), Is.True, () => $"the output {output} is not made");
        }
    }
}
