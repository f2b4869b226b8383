using Google.Protobuf.Collections;
using OnnxStream.Interop.Onnx;

namespace OnnxStream.Interop.Fuzzing.Mutators;

/// <summary>Changes ONNX models field by field: what is left can be parsed, and is wrong in what it says.</summary>
/// <param name="models">Models whose nodes and attributes others are given.</param>
internal sealed class ModelMutator(IEnumerable<ModelProto> models)
{
    private readonly NodeProto[] _donors = [.. models.SelectMany(model => model.Graph.Node)];

    private AttributeMutator Attributes => field ??= new([.. _donors.SelectMany(node => node.Attribute)]);

    private GraphMutator Graphs => field ??= new(_donors);

    /// <summary>Makes one to four changes.</summary>
    public void Mutate(ModelProto model, Random random)
    {
        for (int change = random.Next(1, 5); change > 0; change--)
        {
            List<GraphProto> graphs = [];
            Collect(model.Graph, graphs);
            foreach (NodeProto node in model.Functions.SelectMany(function => function.Node))
            {
                Collect(node, graphs);
            }

            GraphProto graph = random.Pick(graphs);
            List<NodeProto> nodes = [.. graphs.SelectMany(item => item.Node), .. model.Functions.SelectMany(function => function.Node)];
            List<TensorProto> tensors = [.. graphs.SelectMany(item => item.Initializer), .. nodes.SelectMany(node => node.Attribute).Select(attribute => attribute.T).OfType<TensorProto>()];
            switch (random.Next(20))
            {
                case < 8 when nodes.Count > 0:
                    Attributes.Mutate(random.Pick(nodes), random);
                    break;
                case < 12 when tensors.Count > 0:
                    TensorMutator.Mutate(random.Pick(tensors), random);
                    break;
                case 12:
                    MutateOperatorSets(model.OpsetImport, random);
                    break;
                case 13 when model.Functions.Count > 0:
                    MutateFunction(random.Pick(model.Functions), model.Functions, random);
                    break;
                default:
                    Graphs.Mutate(graph, model, random);
                    break;
            }
        }
    }

    private static void Collect(GraphProto graph, List<GraphProto> graphs)
    {
        graphs.Add(graph);
        foreach (NodeProto node in graph.Node)
        {
            Collect(node, graphs);
        }
    }

    private static void Collect(NodeProto node, List<GraphProto> graphs)
    {
        foreach (AttributeProto attribute in node.Attribute.Where(attribute => attribute.G is not null))
        {
            Collect(attribute.G, graphs);
        }
    }

    private static void MutateOperatorSets(RepeatedField<OperatorSetIdProto> sets, Random random)
    {
        switch (random.Next(6))
        {
            case 0:
                sets.Clear();
                break;
            case 1:
                sets.Add(new OperatorSetIdProto { Domain = Interesting.Text(random), Version = random.Next(1, 29) });
                break;
            case 2 when sets.Count > 0:
                random.Pick(sets).Domain = Interesting.Text(random);
                break;
            case 3 when sets.Count > 0:
                random.Pick(sets).Version = Interesting.Integer(random);
                break;
            default:
                if (sets.Count > 0)
                {
                    random.Pick(sets).Version = random.Next(1, 30);
                }

                break;
        }
    }

    private static void MutateFunction(FunctionProto function, RepeatedField<FunctionProto> functions, Random random)
    {
        switch (random.Next(7))
        {
            case 0:
                // It calls itself.
                function.Node.Add(new NodeProto { OpType = function.Name, Domain = function.Domain, Input = { function.Input }, Output = { function.Output } });
                break;
            case 1:
                functions.Add(function.Clone());
                break;
            case 2:
                function.Input.Add(Interesting.Text(random));
                break;
            case 3 when function.Output.Count > 0:
                function.Output[random.Next(function.Output.Count)] = Interesting.Text(random);
                break;
            case 4 when function.Node.Count > 0:
                function.Node.RemoveAt(random.Next(function.Node.Count));
                break;
            case 5:
                MutateOperatorSets(function.OpsetImport, random);
                break;
            default:
                function.Attribute.Add(Interesting.Text(random));
                break;
        }
    }
}
