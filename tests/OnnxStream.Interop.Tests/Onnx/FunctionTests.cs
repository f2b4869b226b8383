using Google.Protobuf;
using OnnxStream.Interop.Onnx;
using Inputs = System.Collections.Generic.Dictionary<string, OnnxStream.Interop.TensorBuffer>;

namespace OnnxStream.Interop.Tests.Onnx;

/// <summary>Functions that a model brings along are put in the place of the nodes that call them.</summary>
[NativeMemoryLeakCheck]
public class FunctionTests
{
    private static readonly Inputs s_inputs = new() { ["x"] = TestTensors.Floats(1, 2, 3), ["y"] = TestTensors.Floats(2, 2, 3) };

    [Test]
    public void AgreesWithOnnxRuntime()
    {
        // Two calls with other attributes, one of them of a function that calls the first.
        ModelProto model = Model(
            Builder().Node("local", "Scaled", "x y", "a", ("alpha", 0.3f)).Node("local", "Twice", "a y", "b").Node("Neg", "b", "o").Output("o"),
            Scaled(),
            Function("Twice", "p q", "r", [Node("local", "Scaled", "p q", "once"), Node("local", "Scaled", "once q", "r", Attribute("alpha", 0.7f))]));
        Check(model);
    }

    [Test]
    public void Overloads()
    {
        FunctionProto negative = Function("Change", "v", "w", [Node("", "Neg", "v", "w")]);
        FunctionProto exponential = Function("Change", "v", "w", [Node("", "Exp", "v", "w")]);
        (negative.Overload, exponential.Overload) = ("a", "b");
        ModelProto model = Model(Builder().Node("local", "Change", "x", "n").Node("local", "Change", "n", "o").Output("o"), negative, exponential);
        (model.Graph.Node[0].Overload, model.Graph.Node[1].Overload) = ("b", "a");
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model.ToByteArray()));
        double[] expected = Array.ConvertAll(TestTensors.ToDoubles(s_inputs["x"]), value => -Math.Exp(value));
        TestTensors.AssertClose(session.Run(s_inputs)["o"], TestTensors.FromDoubles(ElementType.Float32, expected, 2, 3), 1e-6, "o");

        // Nodes that name no overload, or one that is not there, call neither.
        model.Graph.Node[1].Overload = "c";
        string other = folder.Write("other.onnx", model.ToByteArray());
        Assert.That(() => new InferenceSession(other), Throws.InstanceOf<OnnxStreamException>().With.Message.Contains("Change"));
        model.Graph.Node[1].Overload = "a";
        exponential.Overload = "a";
        string twice = folder.Write("twice.onnx", model.ToByteArray());
        Assert.That(() => new InferenceSession(twice), Throws.TypeOf<ModelFormatException>().With.Message.Contains("two functions 'Change' of domain 'local' with the overload 'a'"));
    }

    [Test]
    public void DefaultsOfAttributes()
    {
        FunctionProto function = Scaled();
        function.Attribute.Clear();
        function.AttributeProto.Add(OnnxAttribute.Make("alpha", 0.9f));
        Check(Model(Builder().Node("local", "Scaled", "x y", "o").Output("o"), function));
    }

    [Test]
    public void InputsThatAreLeftOut() =>
        Check(Model(
            Builder().Node("local", "Limited", "x", "a").Node("local", "Limited", "y zero", "b").Node("Add", "a b", "o").Initializer("zero", TensorBuffer.Create<float>([0])).Output("o"),
            Function("Limited", "v low", "w", [Node("", "Clip", "v low", "w")])));

    [Test]
    public void GraphsInFunctions()
    {
        // The branches read values of the function and refer to its attribute.
        GraphProto Branch(string operatorType, string name) => new ModelBuilder(17).Node(operatorType, "p", name).Output(name).Graph;
        GraphProto leaky = Branch("LeakyRelu", "t");
        leaky.Node[0].Attribute.Add(Reference("alpha", "slope"));
        NodeProto node = Node("", "If", "c", "r");
        node.Attribute.Add([new() { Name = "then_branch", Type = AttributeProto.Types.AttributeType.Graph, G = leaky }, new() { Name = "else_branch", Type = AttributeProto.Types.AttributeType.Graph, G = Branch("Exp", "e") }]);
        FunctionProto function = Function("Choose", "c p", "r", [node]);
        function.Attribute.Add("slope");
        ModelProto model = Model(Builder().Input("c", ElementType.Bool).Node("local", "Choose", "c x", "a", ("slope", 0.4f)).Node("Add", "a y", "o").Output("o"), function);
        foreach (bool condition in new[] { true, false })
        {
            Check(model, new Inputs(s_inputs) { ["c"] = TensorBuffer.Create<bool>([condition]) });
        }
    }

    [Test]
    public void OperatorSetOfItsOwn()
    {
        // Axes of ReduceMean are an attribute in the function's operator set, and an input in the model's.
        FunctionProto function = Function("Mean", "p", "r", [Node("", "ReduceMean", "p", "r", Attribute("axes", new[] { 1 }))]);
        function.OpsetImport[0].Version = 13;
        ModelProto model = Model(Builder().Node("local", "Mean", "x", "a").Node("Add", "a y", "o").Output("o"), function);
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model.ToByteArray()));
        float[] x = s_inputs["x"].Span<float>().ToArray();
        double[] expected = [.. s_inputs["y"].Span<float>().ToArray().Select((y, i) => y + x.Skip(i / 3 * 3).Take(3).Average())];
        TestTensors.AssertNumbersClose(session.Run(s_inputs)["o"], expected, 1e-6, "o");
    }

    [Test]
    public void ReturnsItsInput()
    {
        ModelProto model = Model(Builder().Node("local", "Same", "x", "a").Node("Add", "a y", "o").Output("o"), Function("Same", "p", "p", []));
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model.ToByteArray()));
        float[] y = s_inputs["y"].Span<float>().ToArray();
        TestTensors.AssertNumbersClose(session.Run(s_inputs)["o"], [.. s_inputs["x"].Span<float>().ToArray().Select((x, i) => (double)x + y[i])], 1e-6, "o");
    }

    [Test]
    public void CallsItself() =>
        Fails(Model(Builder().Node("local", "Endless", "x", "o").Output("o"), Function("Endless", "p", "r", [Node("local", "Endless", "p", "r")])), "calls itself");

    [Test]
    public void TooManyNodes() =>
        // Each function calls the one before it ten times.
        Fails(
            Model(
                Builder().Node("local", "F7", "x", "o").Output("o"),
                [Function("F0", "p", "r", [Node("", "Neg", "p", "r")]), .. Enumerable.Range(1, 7).Select(i => Function($"F{i}", "v0", "v10", [.. Enumerable.Range(0, 10).Select(k => Node("local", $"F{i - 1}", $"v{k}", $"v{k + 1}"))]))]),
            "nodes");

    [Test]
    public void WrongFunctions()
    {
        Fails(Model(Builder().Node("local", "F", "x", "o").Output("o"), Function("F", "p", "r", [Node("", "Neg", "p", "q")])), "'r'");
        Fails(Model(Builder().Node("local", "F", "x y", "o").Output("o"), Function("F", "p", "r", [Node("", "Neg", "p", "r")])), "2 inputs");
        Fails(Model(Builder().Node("local", "F", "x", "o").Output("o"), Function("F", "p", "r", [Node("", "Neg", "q", "r")])), "'q'");
        Fails(Model(Builder().Node("local", "F", "x", "o").Output("o"), Function("F", "p", "r", [Node("", "Neg", "p", "r"), Node("", "Exp", "p", "r")])), "twice");
        Fails(Model(Builder().Node("local", "F", "x", "o").Output("o"), Function("F", "p", "r", [Node("", "Neg", "p", "r")]), Function("F", "p", "r", [Node("", "Neg", "p", "r")])), "two functions");
        Fails(Model(Builder().Node("local", "F", "x y", "o").Output("o"), Function("F", "p p", "r", [Node("", "Neg", "p", "r")])), "two inputs");
        ModelProto model = Model(Builder().Node("LeakyRelu", "x", "o").Output("o"));
        model.Graph.Node[0].Attribute.Add(Reference("alpha", "slope"));
        Fails(model, "slope");
    }

    private static ModelBuilder Builder() => new ModelBuilder(18, "local").Input("x", ElementType.Float32, 2, 3).Input("y", ElementType.Float32, 2, 3);

    private static ModelProto Model(ModelBuilder builder, params FunctionProto[] functions)
    {
        ModelProto model = builder.Build();
        model.Functions.Add(functions);
        return model;
    }

    // LeakyRelu(p) * q, with the slope that the caller gives.
    private static FunctionProto Scaled()
    {
        FunctionProto function = Function("Scaled", "p q", "r", [Node("", "LeakyRelu", "p", "l", Reference("alpha", "alpha")), Node("", "Mul", "l q", "r")]);
        function.Attribute.Add("alpha");
        return function;
    }

    private static FunctionProto Function(string name, string inputs, string outputs, NodeProto[] nodes)
    {
        FunctionProto function = new() { Name = name, Domain = "local" };
        function.Input.Add(inputs.Split(' '));
        function.Output.Add(outputs.Split(' '));
        function.Node.Add(nodes);
        function.OpsetImport.Add([new OperatorSetIdProto { Domain = "", Version = 18 }, new OperatorSetIdProto { Domain = "local", Version = 1 }]);
        return function;
    }

    private static NodeProto Node(string domain, string operatorType, string inputs, string outputs, params AttributeProto[] attributes)
    {
        NodeProto node = new() { Domain = domain, OpType = operatorType };
        node.Input.Add(inputs.Split(' '));
        node.Output.Add(outputs.Split(' '));
        node.Attribute.Add(attributes);
        return node;
    }

    private static AttributeProto Attribute(string name, object value) => OnnxAttribute.Make(name, value);

    private static AttributeProto Reference(string name, string of) => new() { Name = name, Type = AttributeProto.Types.AttributeType.Float, RefAttrName = of };

    private static void Check(ModelProto model, Inputs? inputs = null)
    {
        byte[] bytes = model.ToByteArray();
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", bytes));
        TestTensors.AssertClose(session.Run(inputs ?? s_inputs)["o"], Oracle.Run(bytes, inputs ?? s_inputs)["o"], 1e-6, "o");
    }

    private static void Fails(ModelProto model, string part)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", model.ToByteArray());
        Assert.That(() => OnnxStream.Interop.Model.Load(path), Throws.TypeOf<ModelFormatException>().With.Message.Contains(part));
    }
}
