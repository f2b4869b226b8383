using System.Runtime.InteropServices;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Rewrites;

/// <summary>Lets nodes read and write half precision themselves where it is converted just for them: Cast → node → Cast becomes the node.</summary>
/// <remarks>
/// <para>Numbers are rounded as often as before: the node computes as in single precision, and rounds its result once.</para>
/// <para>
/// Operators that take all of their tensors in half precision (<see cref="Operator.TakesHalf"/>) lose the conversions of all of them at once, and their
/// small constants become half precision too where that loses nothing. Others lose those that they can do without, one by one
/// (<see cref="Operator.CanReadStored"/>, <see cref="Operator.CanWriteStored"/>).
/// </para>
/// </remarks>
internal static class SkipConversions
{
    /// <summary>Rewrites <paramref name="graph"/>.</summary>
    public static void Apply(Graph graph)
    {
        if (!graph.Nodes.Any(node => IsWidening(node)))
        {
            return;
        }

        Dictionary<Value, List<Node>> consumers = graph.Consumers();
        HashSet<Value> outputs = [.. graph.Outputs];
        HashSet<Node> skipped = [];
        foreach (Node node in graph.Nodes)
        {
            Operator made = OperatorRegistry.Get(node);
            if (!made.IsStep || node is { Domain: "", OperatorType: "Cast" } || node.Graphs().Any())
            {
                continue;
            }

            if (made.TakesHalf(node))
            {
                TakeHalf(node);
                continue;
            }

            for (int i = 0; i < node.Inputs.Length; i++)
            {
                if (Narrow(node.Inputs[i]) is { Constant: null } half && made.CanReadStored(node, i, RowFormat.Of(ElementType.Float16)))
                {
                    node.Inputs[i] = half;
                }
            }

            if (node.Outputs.Skip(1).All(output => output is null) && Narrowing(node.Outputs[0]) is { } cast && made.CanWriteStored(node, RowFormat.Of(ElementType.Float16)))
            {
                Write(node, 0, cast);
            }
        }

        graph.Nodes.RemoveAll(skipped.Contains);
        EliminateDeadNodes.Apply(graph);

        void TakeHalf(Node node)
        {
            Value?[] narrow = Array.ConvertAll(node.Inputs, input => input is not null && IsSingle(input) ? Narrow(input) : input);
            Node?[] casts = Array.ConvertAll(node.Outputs, output => output is not null && IsSingle(output) ? Narrowing(output) : null);
            if (!node.Inputs.Zip(narrow).Any(pair => pair is { First.Constant: null } && !ReferenceEquals(pair.First, pair.Second)) ||
                node.Inputs.Zip(narrow).Any(pair => pair is { First: not null, Second: null }) ||
                node.Outputs.Zip(casts).Any(pair => pair is { First: { } output, Second: null } && IsSingle(output)))
            {
                return;
            }

            narrow.CopyTo(node.Inputs, 0);
            for (int i = 0; i < casts.Length; i++)
            {
                if (casts[i] is { } cast)
                {
                    Write(node, i, cast);
                }
            }
        }

        void Write(Node node, int output, Node cast)
        {
            node.Outputs[output] = cast.Outputs[0];
            cast.Outputs[0]!.Producer = node;
            skipped.Add(cast);
        }

        // The conversion to half precision that is all that a value is needed for.
        Node? Narrowing(Value? value) =>
            value is not null && IsSingle(value) && !outputs.Contains(value) && consumers.GetValueOrDefault(value) is [{ Domain: "", OperatorType: "Cast" } cast] && IsHalf(cast.Outputs[0]!) ? cast : null;
    }

    private static bool IsSingle(Value value) => value.Type!.Value.ElementType == ElementType.Float32;

    private static bool IsHalf(Value value) => value.Type!.Value.ElementType == ElementType.Float16;

    private static bool IsWidening(Node node) => node is { Domain: "", OperatorType: "Cast" } && IsHalf(node.Inputs[0]!) && IsSingle(node.Outputs[0]!);

    // The same numbers in half precision, if they come from there or are a constant in memory that loses nothing.
    private static Value? Narrow(Value? value)
    {
        if (value?.Producer is { } producer && IsWidening(producer))
        {
            return producer.Inputs[0];
        }

        if (value is not { IsOptionalInput: false, Constant: { Data: { } data, StoredType: ElementType.Float32 } } || !IsSingle(value))
        {
            return null;
        }

        ReadOnlySpan<float> numbers = MemoryMarshal.Cast<byte, float>(data);
        byte[] narrow = new byte[numbers.Length * sizeof(ushort)];
        Span<Half> halves = MemoryMarshal.Cast<byte, Half>(narrow.AsSpan());
        for (int i = 0; i < numbers.Length; i++)
        {
            halves[i] = (Half)numbers[i];
            if ((float)halves[i] != numbers[i])
            {
                return null;
            }
        }

        Constant constant = Constant.FromData(value.Type!.Value with { ElementType = ElementType.Float16 }, narrow);
        return new Value(value.Name) { Type = constant.Type, Constant = constant };
    }
}
