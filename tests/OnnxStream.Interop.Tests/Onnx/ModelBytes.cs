using Google.Protobuf;
using OnnxStream.Interop.Onnx;

namespace OnnxStream.Interop.Tests.Onnx;

/// <summary>Small ONNX files with something of everything.</summary>
internal static class ModelBytes
{
    /// <summary>Nodes, attributes of all kinds, a nested graph, small and large initializers.</summary>
    public static byte[] Everything()
    {
        GraphProto branch = new() { Name = "branch" };
        branch.Initializer.Add(ModelBuilder.Tensor("inner", TestTensors.Floats(1, 2)));
        branch.Node.Add(new NodeProto { OpType = "Add", Input = { "sum", "inner" }, Output = { "branched" } });
        branch.Output.Add(ModelBuilder.Declare("branched", ElementType.Float32, 2));
        ModelBuilder builder = new ModelBuilder(13)
            .Input("x", ElementType.Float32, 1, -1).Input("condition", ElementType.Bool)
            .Initializer("w", TestTensors.Floats(1, 2)).Initializer("large", TestTensors.Floats(2, 2, 129))
            .Node("Add", "x w", "sum", ("alpha", 0.5f), ("mode", "text"), ("axes", new[] { 1, -2 }), ("factors", new[] { 1f, 2f }), ("names", new[] { "a", "b" }), ("value", TestTensors.Integers(1, 2)))
            .Node("If", "condition", "chosen", ("then_branch", branch), ("else_branch", branch.Clone()))
            .Node("MatMul", "chosen large", "y").Output("y");
        ModelProto model = builder.Build();
        model.DocString = "text";
        model.MetadataProps.Add(new StringStringEntryProto { Key = "k", Value = "v" });
        return model.ToByteArray();
    }

    public static Model Load(ModelProto model)
    {
        using TemporaryFolder folder = new();
        return Model.Load(folder.Write("m.onnx", model.ToByteArray()));
    }
}
