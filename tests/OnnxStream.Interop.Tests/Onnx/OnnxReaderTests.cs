using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Onnx;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Tests.Onnx;

public class OnnxReaderTests
{
    [Test]
    public void EverythingOfAModel()
    {
        using TemporaryFolder folder = new();
        Model model = Model.Load(folder.Write("m.onnx", ModelBytes.Everything()));
        Assert.That(model.Format, Is.EqualTo("ONNX"));
        Assert.That(model.OperatorSets, Is.EqualTo(new Dictionary<string, long> { [""] = 13 }));
        Assert.That(model.Inputs.Select(input => input.ToString()), Is.EqualTo(new[] { "x: float[1,dx1]", "condition: bool[]" }));
        Attributes attributes = model.Graph.Nodes[0].Attributes;
        Assert.That(attributes.Float("alpha", 0), Is.EqualTo(0.5f));
        Assert.That(attributes.String("mode", ""), Is.EqualTo("text"));
        Assert.That(attributes.Ints("axes"), Is.EqualTo(new long[] { 1, -2 }));
        Assert.That(attributes.Floats("factors"), Is.EqualTo(new[] { 1f, 2f }));
        Assert.That(attributes.All["names"], Is.EqualTo(new[] { "a", "b" }));
        Assert.That(attributes.Tensor("value")!.Type, Is.EqualTo(new TensorType(ElementType.Int64, new Shape(2))));
        Graph branch = model.Graph.Nodes[1].Attributes.Graph("then_branch")!;
        Assert.That(branch.Nodes[0].Inputs[0], Is.SameAs(model.Graph.Nodes[0].Outputs[0]), "an inner graph reads values of the outer one");
    }

    [Test]
    public void NodesInAnyOrder()
    {
        ModelProto model = new ModelBuilder(13).Input("x", ElementType.Float32, 1).Node("Neg", "b", "c").Node("Neg", "a", "b").Node("Neg", "x", "a").Output("c").Build();
        Assert.That(ModelBytes.Load(model).Graph.Nodes.Select(node => node.Outputs[0]!.Name), Is.EqualTo(new[] { "a", "b", "c" }));
    }

    [Test]
    public void DeepGraphs()
    {
        ModelBuilder builder = new ModelBuilder(13).Input("v0", ElementType.Float32, 1);
        for (int i = 0; i < 20_000; i++)
        {
            builder.Node("Neg", $"v{i}", $"v{i + 1}");
        }

        ModelProto model = builder.Output("v20000").Build();
        NodeProto[] reversed = [.. model.Graph.Node.Reverse()];
        model.Graph.Node.Clear();
        model.Graph.Node.Add(reversed);
        Assert.That(ModelBytes.Load(model).Graph.Nodes[^1].Outputs[0]!.Name, Is.EqualTo("v20000"));
    }

    [Test]
    public void OldFilesListInitializersAsInputs()
    {
        ModelProto model = new ModelBuilder(7).Input("x", ElementType.Float32, 2).Input("w", ElementType.Float32, 2).Initializer("w", TestTensors.Floats(1, 2)).Node("Add", "x w", "y").Output("y").Build();
        model.IrVersion = 3;
        Assert.That(ModelBytes.Load(model).Inputs.Select(input => input.Name), Is.EqualTo(new[] { "x" }));
        Assert.That(ModelBytes.Load(model).OptionalInputs, Is.Empty);
        model.IrVersion = 4;
        Assert.That(ModelBytes.Load(model).Inputs.Select(input => input.Name), Is.EqualTo(new[] { "x" }));
        Assert.That(ModelBytes.Load(model).OptionalInputs.Select(input => input.Name), Is.EqualTo(new[] { "w" }));
    }

    [Test]
    public void AnInputHasOneDeclaration()
    {
        ModelProto model = new ModelBuilder(17).Input("x", ElementType.Float32, 2).Input("w", ElementType.Float32, 2).Input("w", ElementType.Float32, 2).Initializer("w", TestTensors.Floats(1, 2)).Node("Add", "x w", "y").Output("y").Build();
        Assert.That(() => ModelBytes.Load(model), Throws.TypeOf<ModelFormatException>().With.Message.Contains("two inputs named 'w'"));
    }

    [Test]
    public void ADefaultValueOfAnotherTypeIsAConstant()
    {
        ModelProto model = new ModelBuilder(17).Input("x", ElementType.Float32, 2).Input("w", ElementType.Int64, 2).Initializer("w", TestTensors.Floats(1, 2)).Node("Add", "x w", "y").Output("y").Build();
        Assert.That(ModelBytes.Load(model).OptionalInputs, Is.Empty);
    }

    [Test]
    public void OldFilesDoNotTellTheTypesOfAttributes()
    {
        ModelProto model = new ModelBuilder(7).Input("x", ElementType.Float32, 2)
            .Node("Custom", "x", "y", ("i", 3), ("f", 0.5f), ("s", "text"), ("ints", new[] { 1 }), ("floats", new[] { 1f }), ("strings", new[] { "a" }), ("t", TestTensors.Integers(1))).Output("y").Build();
        foreach (AttributeProto attribute in model.Graph.Node[0].Attribute)
        {
            attribute.ClearType();
        }

        Attributes attributes = ModelBytes.Load(model).Graph.Nodes[0].Attributes;
        Assert.That(attributes.All.Values.Select(value => value.GetType()), Is.EqualTo(new[] { typeof(long), typeof(float), typeof(string), typeof(long[]), typeof(float[]), typeof(string[]), typeof(Constant) }));
    }

    [TestCase("", "")]
    [TestCase("ai.onnx", "")]
    [TestCase("", "ai.onnx")]
    public void TheDefaultDomainHasTwoNames(string imported, string used)
    {
        ModelProto model = new ModelBuilder(13).Input("x", ElementType.Float32, 2).Node(used, "Neg", "x", "y").Output("y").Build();
        model.OpsetImport[0].Domain = imported;
        Node node = ModelBytes.Load(model).Graph.Nodes[0];
        Assert.That((node.Domain, node.OperatorSet), Is.EqualTo(("", 13)));
    }

    [Test]
    public void OmittedInputsAndOutputs()
    {
        Node node = ModelBytes.Load(new ModelBuilder(13).Input("x", ElementType.Float32, 2).Node("Custom", "x - x - -", "- y - -").Output("y").Build()).Graph.Nodes[0];
        Assert.That(node.Inputs.Select(input => input?.Name), Is.EqualTo(new[] { "x", null, "x" }));
        Assert.That(node.Outputs.Select(output => output?.Name), Is.EqualTo(new[] { null, "y" }));
    }

    [Test]
    public void Cycles()
    {
        ModelProto model = new ModelBuilder(13).Input("x", ElementType.Float32, 2).Node("Add", "x b", "a").Node("Neg", "a", "b").Output("b").Build();
        Assert.That(() => ModelBytes.Load(model), Throws.TypeOf<ModelFormatException>().With.Message.Contains("cycle").And.Message.Contains("'Add_0'"));
        ModelProto self = new ModelBuilder(13).Input("x", ElementType.Float32, 2).Node("Add", "x a", "a").Output("a").Build();
        Assert.That(() => ModelBytes.Load(self), Throws.TypeOf<ModelFormatException>().With.Message.Contains("cycle"));
    }

    [Test]
    public void NamesMadeTwice()
    {
        Refused(new ModelBuilder(13).Input("x", ElementType.Float32, 2).Node("Neg", "x", "y").Node("Neg", "x", "y").Output("y").Build(), "'y' in graph 'test' is made twice");
        Refused(new ModelBuilder(13).Input("x", ElementType.Float32, 2).Node("Custom", "x", "y y").Output("y").Build(), "'y' in graph 'test' is made twice");
        Refused(new ModelBuilder(13).Input("x", ElementType.Float32, 2).Node("Neg", "x", "x").Output("x").Build(), "'x' in graph 'test' is made twice");
        Refused(new ModelBuilder(13).Input("x", ElementType.Float32, 2).Initializer("w", TestTensors.Floats(1, 2)).Node("Neg", "x", "w").Output("w").Build(), "'w' in graph 'test' is made twice");
        Refused(new ModelBuilder(13).Initializer("w", TestTensors.Floats(1, 2)).Initializer("w", TestTensors.Floats(2, 2)).Node("Neg", "w", "y").Output("y").Build(), "two initializers named 'w'");
        Refused(new ModelBuilder(13).Input("x", ElementType.Float32, 2).Input("x", ElementType.Float32, 2).Node("Neg", "x", "y").Output("y").Build(), "two inputs named 'x'");
    }

    [Test]
    public void ValuesThatNobodyMakes()
    {
        Refused(new ModelBuilder(13).Input("x", ElementType.Float32, 2).Node("Add", "x lost", "y").Output("y").Build(), "'lost'");
        Refused(new ModelBuilder(13).Input("x", ElementType.Float32, 2).Node("Neg", "x", "y").Output("lost").Build(), "'lost'");
    }

    [Test]
    public void OutputsThatAreInputsOrConstants()
    {
        Model model = ModelBytes.Load(new ModelBuilder(13).Input("x", ElementType.Float32, 2).Initializer("w", TestTensors.Floats(1, 2)).Output("x").Output("w").Build());
        Assert.That(model.Outputs.Select(output => output.Name), Is.EqualTo(new[] { "x", "w" }));
    }

    [Test]
    public void DomainsThatAreNotImported() =>
        Refused(new ModelBuilder(13).Input("x", ElementType.Float32, 2).Node("com.example", "Neg", "x", "y").Output("y").Build(), "domain 'com.example'");

    [Test]
    public void WrongDeclarations()
    {
        ModelProto model = new ModelBuilder(13).Input("x", ElementType.Float32, 2).Node("Neg", "x", "y").Output("y").Build();
        model.Graph.Input[0].Type.TensorType.Shape.Dim[0].DimValue = -3;
        Refused(model, "dimension -3");
        model.Graph.Input[0].Type = new TypeProto { SequenceType = new() { ElemType = new() { SequenceType = new() } } };
        Refused(model, "inside of each other");
        model.Graph.Input[0].Type = new TypeProto { SequenceType = new() { ElemType = new() { OptionalType = new() } } };
        Refused(model, "inside of each other");
        model.Graph.Input[0].Type = new TypeProto { OptionalType = new() { ElemType = new() { TensorType = new() { ElemType = 99 } } } };
        Refused(model, "elements of the unknown type 99");
        model.Graph.Input[0].Type = new TypeProto { TensorType = new() { ElemType = 99 } };
        Refused(model, "elements of the unknown type 99");
        model.Graph.Input[0].Type = null;
        Assert.That(ModelBytes.Load(model).Inputs[0].Dimensions, Is.Null);
    }

    [Test]
    public void WhatIsNotSupported()
    {
        ModelProto sparse = new ModelBuilder(13).Input("x", ElementType.Float32, 2).Node("Neg", "x", "y").Output("y").Build();
        sparse.Graph.SparseInitializer.Add(new SparseTensorProto());
        Refused(sparse, "the sparse tensor '' is damaged: it has no values, or no indices");
        ModelProto attribute = new ModelBuilder(13).Input("x", ElementType.Float32, 2).Node("Neg", "x", "y").Output("y").Build();
        attribute.Graph.Node[0].Attribute.Add(new AttributeProto { Name = "graphs", Type = AttributeProto.Types.AttributeType.Graphs });
        Refused(attribute, "'graphs'");
    }

    [Test]
    public void NestedGraphs()
    {
        GraphProto inner = new() { Name = "deepest" };
        inner.Node.Add(new NodeProto { OpType = "Neg", Input = { "x" }, Output = { "d" } });
        inner.Output.Add(ModelBuilder.Declare("d", ElementType.Float32, 2));
        for (int i = 0; i < 5; i++)
        {
            GraphProto outer = new() { Name = $"level {i}" };
            outer.Node.Add(new NodeProto { OpType = "If", Input = { "c" }, Output = { "d" }, Attribute = { new AttributeProto { Name = "then_branch", Type = AttributeProto.Types.AttributeType.Graph, G = inner } } });
            outer.Output.Add(ModelBuilder.Declare("d", ElementType.Float32, 2));
            inner = outer;
        }

        Model model = ModelBytes.Load(new ModelBuilder(13).Input("x", ElementType.Float32, 2).Input("c", ElementType.Bool).Node("If", "c", "y", ("then_branch", inner), ("else_branch", inner)).Output("y").Build());
        Graph graph = model.Graph;
        for (int i = 0; i < 6; i++)
        {
            graph = graph.Nodes[0].Attributes.Graph("then_branch")!;
        }

        Assert.That(graph.Nodes[0].Inputs[0], Is.SameAs(model.Graph.Inputs[0]));
    }

    [Test]
    public void InnerGraphsMayReadWhatIsMadeLaterInTheFile()
    {
        // Nodes stand in any order: the branch reads "late", whose node comes behind.
        GraphProto branch = new() { Name = "branch" };
        branch.Node.Add(new NodeProto { OpType = "Neg", Input = { "late" }, Output = { "r" } });
        branch.Output.Add(ModelBuilder.Declare("r", ElementType.Float32, 2));
        Model model = ModelBytes.Load(new ModelBuilder(13).Input("x", ElementType.Float32, 2).Input("c", ElementType.Bool)
            .Node("If", "c", "y", ("then_branch", branch), ("else_branch", branch.Clone())).Node("Neg", "x", "late").Output("y").Build());
        Assert.That(model.Graph.Nodes.Select(node => node.OperatorType), Is.EqualTo(new[] { "Neg", "If" }));
        Assert.That(model.Graph.Nodes[1].Attributes.Graph("then_branch")!.Nodes[0].Inputs[0], Is.SameAs(model.Graph.Nodes[0].Outputs[0]));
    }

    // Found by mutated models: the number of elements overflows.
    [Test]
    public void DeclaredShapeWithoutEnd()
    {
        Refused(new ModelBuilder(17).Input("x", ElementType.Float32, 1L << 40, 3, 1L << 40).Node("Relu", "x", "y").Output("y").Build(), "impossible shape");
        Refused(new ModelBuilder(17).Input("x", ElementType.Float32, 1L << 40, -1, 1L << 40).Node("Relu", "x", "y").Output("y").Build(), "impossible shape");
        Assert.That(ModelBytes.Load(new ModelBuilder(17).Input("x", ElementType.Float32, 1L << 40, 0, 3).Node("Relu", "x", "y").Output("y").Build()).Inputs[0].Dimensions, Has.Count.EqualTo(3));
    }

    private static void Refused(ModelProto model, string message) =>
        Assert.That(() => ModelBytes.Load(model), Throws.TypeOf<ModelFormatException>().With.Message.Contains(message));
}
