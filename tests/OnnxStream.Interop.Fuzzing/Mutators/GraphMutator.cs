using Google.Protobuf.Collections;
using OnnxStream.Interop.Onnx;

namespace OnnxStream.Interop.Fuzzing.Mutators;

/// <summary>Changes what nodes a graph has, what they are called and what they read and make, and what the graph declares.</summary>
/// <param name="donors">Nodes of other models, which a graph may be given.</param>
internal sealed class GraphMutator(IReadOnlyList<NodeProto> donors)
{
    /// <summary>One change.</summary>
    /// <param name="graph">The graph that is changed.</param>
    /// <param name="model">The model that it is in.</param>
    /// <param name="random">Decides.</param>
    public void Mutate(GraphProto graph, ModelProto model, Random random)
    {
        if (graph.Node.Count == 0)
        {
            Graft(graph, random);
            return;
        }

        NodeProto node = random.Pick(graph.Node);
        switch (random.Next(26))
        {
            case < 4:
                MutateNames(node.Input, random.Pick(Names(graph)), random);
                break;
            case 4:
                MutateNames(node.Output, random.Pick(Names(graph)), random);
                break;
            case < 8:
                Graft(graph, random);
                break;
            case < 11:
                NodeProto other = random.Pick(donors);
                (node.OpType, node.Domain) = (other.OpType, random.Next(6) == 0 ? Interesting.Text(random) : other.Domain);
                break;
            case 11:
                graph.Node.Remove(node);
                break;
            case 12:
                graph.Node.Insert(random.Next(graph.Node.Count + 1), node.Clone());
                break;
            case 13:
                graph.Node.Remove(node);
                graph.Node.Insert(random.Next(graph.Node.Count + 1), node);
                break;
            case 14:
                MakeCycle(graph, random);
                break;
            case < 18:
                Declare(graph, random);
                break;
            case 18:
                graph.Output.Add(new ValueInfoProto { Name = random.Pick(Names(graph)) });
                break;
            case 19:
                graph.Input.Add(new ValueInfoProto { Name = random.Pick(Names(graph)), Type = new TypeProto { TensorType = new() { ElemType = Interesting.Type(random) } } });
                break;
            case 20:
                node.Name = random.Next(2) == 0 ? Interesting.Text(random) : random.Pick(graph.Node).Name;
                break;
            case 21:
                graph.SparseInitializer.Add(new SparseTensorProto { Values = Tensor(graph, random), Indices = Tensor(graph, random) });
                break;
            case 22:
                TensorProto doubled = Tensor(graph, random);
                doubled.Name = random.Pick(Names(graph));
                graph.Initializer.Add(doubled);
                break;
            case 23:
                Remove(graph, random);
                break;
            default:
                Nest(graph, model, node, random);
                break;
        }
    }

    private static List<string> Names(GraphProto graph) =>
        ["", .. graph.Input.Select(input => input.Name), .. graph.Initializer.Select(initializer => initializer.Name), .. graph.Node.SelectMany(node => node.Output), .. graph.Output.Select(output => output.Name)];

    private static void MutateNames(RepeatedField<string> names, string other, Random random)
    {
        int place = random.Next(names.Count + 1);
        string name = random.Next(6) == 0 ? Interesting.Text(random) : other;
        switch (random.Next(5))
        {
            case 0:
                names.Insert(place, name);
                break;
            case 1 when names.Count > 0:
                names.RemoveAt(random.Next(names.Count));
                break;
            case 2 when names.Count > 0:
                names.Add(random.Pick(names));
                break;
            default:
                if (place < names.Count)
                {
                    names[place] = name;
                }

                break;
        }
    }

    // A node of another model on values of this one, whose results are outputs.
    private void Graft(GraphProto graph, Random random)
    {
        NodeProto node = random.Pick(donors).Clone();
        List<string> names = Names(graph);
        for (int i = 0; i < node.Input.Count; i++)
        {
            if (node.Input[i].Length > 0 || random.Next(8) == 0)
            {
                node.Input[i] = random.Pick(names);
            }
        }

        for (int i = 0; i < node.Output.Count; i++)
        {
            if (node.Output[i].Length > 0)
            {
                node.Output[i] = $"grafted{graph.Node.Count}_{i}";
                graph.Output.Add(new ValueInfoProto { Name = node.Output[i] });
            }
        }

        graph.Node.Add(node);
    }

    private static void MakeCycle(GraphProto graph, Random random)
    {
        NodeProto first = random.Pick(graph.Node);
        NodeProto last = random.Pick(graph.Node);
        if (first.Input.Count > 0 && last.Output.Count > 0)
        {
            first.Input[random.Next(first.Input.Count)] = last.Output[random.Next(last.Output.Count)];
        }
    }

    // Types and shapes that are declared: for what callers give and get, and for values in between.
    private static void Declare(GraphProto graph, Random random)
    {
        ValueInfoProto[] declared = [.. graph.Input, .. graph.Output, .. graph.ValueInfo];
        if (declared.Length == 0 || random.Next(5) == 0)
        {
            graph.ValueInfo.Add(new ValueInfoProto { Name = random.Pick(Names(graph)), Type = new TypeProto { TensorType = new() { ElemType = Interesting.Type(random), Shape = new() } } });
            return;
        }

        ValueInfoProto value = random.Pick(declared);
        TypeProto.Types.Tensor? type = value.Type?.TensorType;
        switch (random.Next(10))
        {
            case 0:
                value.Type = null;
                break;
            case 1:
                value.Type = new TypeProto { SequenceType = new() { ElemType = value.Type?.Clone() } };
                break;
            case 2:
                value.Name = random.Next(2) == 0 ? Interesting.Text(random) : random.Pick(Names(graph));
                break;
            case 3 when type is not null:
                type.ElemType = random.Next(4) == 0 ? (int)Interesting.Integer(random) : Interesting.Type(random);
                break;
            case 4 when type is not null:
                type.Shape = null;
                break;
            default:
                if (type is null)
                {
                    break;
                }

                type.Shape ??= new();
                TensorShapeProto.Types.Dimension dimension = random.Next(3) switch
                {
                    0 => new() { DimParam = random.Next(2) == 0 ? "N" : Interesting.Text(random) },
                    1 => new() { DimValue = random.Next(0, 9) },
                    _ => new() { DimValue = Interesting.Integer(random) },
                };
                int place = random.Next(type.Shape.Dim.Count + 1);
                if (place == type.Shape.Dim.Count || random.Next(4) == 0)
                {
                    type.Shape.Dim.Insert(place, dimension);
                }
                else if (random.Next(5) == 0)
                {
                    type.Shape.Dim.RemoveAt(place);
                }
                else
                {
                    type.Shape.Dim[place] = dimension;
                }

                break;
        }
    }

    private static void Remove(GraphProto graph, Random random)
    {
        switch (random.Next(4))
        {
            case 0 when graph.Output.Count > 0:
                graph.Output.RemoveAt(random.Next(graph.Output.Count));
                break;
            case 1 when graph.Input.Count > 0:
                graph.Input.RemoveAt(random.Next(graph.Input.Count));
                break;
            case 2 when graph.Initializer.Count > 0:
                graph.Initializer.RemoveAt(random.Next(graph.Initializer.Count));
                break;
            default:
                graph.Output.Clear();
                break;
        }
    }

    private static TensorProto Tensor(GraphProto graph, Random random) => graph.Initializer.Count > 0 ? random.Pick(graph.Initializer).Clone() : new TensorProto { DataType = Interesting.Type(random) };

    // Graphs inside of graphs: a branch or a body, whole models as such, many levels of them, and functions, some of which call themselves.
    private static void Nest(GraphProto graph, ModelProto model, NodeProto node, Random random)
    {
        switch (random.Next(4))
        {
            case 0:
                AttributeProto body = new() { Name = random.Pick(["body", "then_branch", "else_branch"]), Type = AttributeProto.Types.AttributeType.Graph, G = model.Graph.Clone() };
                node.Attribute.Add(body);
                node.OpType = random.Pick(["Loop", "If", "Scan"]);
                break;
            case 1:
                // Each branch is the branch of the next. The condition is whatever is there.
                GraphProto inner = graph.Clone();
                for (int level = random.Next(random.Next(2) == 0 ? 4 : 60); level >= 0; level--)
                {
                    NodeProto choice = new() { OpType = "If", Name = $"if{level}", Input = { random.Pick(Names(graph)) }, Output = { $"nested{level}" } };
                    choice.Attribute.Add(new AttributeProto { Name = "then_branch", Type = AttributeProto.Types.AttributeType.Graph, G = inner });
                    choice.Attribute.Add(new AttributeProto { Name = "else_branch", Type = AttributeProto.Types.AttributeType.Graph, G = new GraphProto { Name = "e" } });
                    inner = new GraphProto { Name = $"g{level}", Node = { choice }, Output = { new ValueInfoProto { Name = choice.Output[0] } } };
                }

                graph.Node.Add(inner.Node);
                break;
            case 2:
                FunctionProto function = new() { Name = node.OpType, Domain = node.Domain, Input = { node.Input }, Output = { node.Output } };
                function.Node.Add(graph.Node.Count <= 8 ? graph.Node.Clone() : [node.Clone()]);
                function.OpsetImport.Add(model.OpsetImport.Clone());
                model.Functions.Add(function);
                break;
            default:
                foreach (AttributeProto attribute in node.Attribute.Where(attribute => attribute.G is not null))
                {
                    attribute.G = random.Next(2) == 0 ? graph.Clone() : null;
                }

                break;
        }
    }
}
