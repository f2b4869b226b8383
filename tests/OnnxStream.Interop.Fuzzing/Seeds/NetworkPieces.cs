using Google.Protobuf;
using OnnxStream.Interop.Onnx;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Fuzzing.Seeds;

/// <summary>Cuts a network into models of some nodes each: the patterns that rewrites look for, small enough to be run thousands of times.</summary>
internal static class NetworkPieces
{
    private const int Nodes = 14;
    private const int Distance = 9;

    /// <summary>The pieces of a network, which overlap.</summary>
    /// <param name="path">An ONNX file, whose inputs have fixed shapes.</param>
    public static IEnumerable<SeedModel> Of(string path)
    {
        ModelProto network = ModelProto.Parser.ParseFrom(File.ReadAllBytes(path));
        Dictionary<string, TensorType> types = Types(path, network);
        Inline(path, network.Graph);
        Dictionary<string, TensorProto> initializers = network.Graph.Initializer.ToDictionary(initializer => initializer.Name);
        for (int start = 0; start < network.Graph.Node.Count; start += Distance)
        {
            yield return Cut(network, [.. network.Graph.Node.Skip(start).Take(Nodes)], types, initializers, $"piece/{Path.GetFileNameWithoutExtension(path)}/{start}");
        }
    }

    // Weights in other files become part of the message.
    private static void Inline(string path, GraphProto graph)
    {
        TensorReader reader = new(ModelEntry.OfFile(Path.GetFullPath(path)));
        foreach (TensorProto tensor in graph.Initializer.Where(tensor => tensor.DataLocation == TensorProto.Types.DataLocation.External))
        {
            Constant constant = reader.Read(tensor);
            byte[] bytes = new byte[constant.Type.ByteLength];
            constant.Read(0, bytes);
            tensor.RawData = ByteString.CopyFrom(bytes);
            tensor.ExternalData.Clear();
            tensor.ClearDataLocation();
        }
    }

    private static SeedModel Cut(ModelProto network, NodeProto[] nodes, Dictionary<string, TensorType> types, Dictionary<string, TensorProto> initializers, string name)
    {
        GraphProto graph = new() { Name = "piece" };
        graph.Node.Add(nodes);
        HashSet<string> made = [.. nodes.SelectMany(node => node.Output)];
        foreach (string input in nodes.SelectMany(node => node.Input).Where(input => input.Length > 0 && !made.Contains(input)).Distinct())
        {
            if (initializers.TryGetValue(input, out TensorProto? initializer))
            {
                graph.Initializer.Add(initializer);
            }
            else
            {
                graph.Input.Add(Declare(input, types[input]));
            }
        }

        HashSet<string> read = [.. nodes.SelectMany(node => node.Input)];
        graph.Output.Add(made.Where(output => output.Length > 0 && !read.Contains(output)).Select(output => new ValueInfoProto { Name = output }));
        ModelProto piece = new() { IrVersion = network.IrVersion, Graph = graph };
        piece.OpsetImport.Add(network.OpsetImport);
        return new SeedModel(name, piece.Clone(), []);
    }

    // The types of all values, from a run on zeros.
    private static Dictionary<string, TensorType> Types(string path, ModelProto network)
    {
        string[] values = [.. network.Graph.Node.SelectMany(node => node.Output).Where(name => name.Length > 0)];
        using InferenceSession session = new(path, new SessionOptions { ThreadCount = 1, AdditionalOutputs = values, RewriteGraph = false });
        Dictionary<string, TensorBuffer> inputs = session.Inputs.ToDictionary(input => input.Name, input => new TensorBuffer(input.ElementType, new Shape([.. input.Dimensions!.Select(dimension => dimension.Value)])));
        RunResult result = session.Run(inputs);
        return inputs.Concat(result.Outputs).GroupBy(pair => pair.Key).ToDictionary(group => group.Key, group => group.First().Value.Type);
    }

    private static ValueInfoProto Declare(string name, TensorType type)
    {
        TensorShapeProto shape = new();
        shape.Dim.Add(type.Shape.ToArray().Select(dimension => new TensorShapeProto.Types.Dimension { DimValue = dimension }));
        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new() { ElemType = (int)type.ElementType, Shape = shape } } };
    }
}
