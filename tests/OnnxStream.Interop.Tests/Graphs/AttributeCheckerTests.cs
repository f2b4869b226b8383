using Google.Protobuf;
using OnnxStream.Interop.Onnx;

namespace OnnxStream.Interop.Tests.Graphs;

/// <summary>Attributes that an operator does not define are refused when a session is made, all of them in one message.</summary>
public class AttributeCheckerTests
{
    private static string? Message(ModelProto model)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("m.onnx", model.ToByteArray());
        try
        {
            new InferenceSession(path, new SessionOptions { ThreadCount = 1 }).Dispose();
            return null;
        }
        catch (InvalidGraphException exception)
        {
            Assert.That(exception.Message, Does.StartWith($"{path}: The model 'test' has "));
            return exception.Message;
        }
    }

    private static ModelBuilder Unary(int operatorSet, string operatorType, params (string Name, object Value)[] attributes) =>
        new ModelBuilder(operatorSet).Input("x", ElementType.Float32, 1, 2, 4, 4).Node(operatorType, "x", "y", attributes).Output("y");

    private static ModelBuilder Binary(int operatorSet, string operatorType, params (string Name, object Value)[] attributes) =>
        new ModelBuilder(operatorSet).Input("x", ElementType.Float32, 1, 2, 4, 4).Input("z", ElementType.Float32, 1, 2, 4, 4).Node(operatorType, "x z", "y", attributes).Output("y");

    private static ModelBuilder Normalization(int operatorSet, params (string Name, object Value)[] attributes) =>
        new ModelBuilder(operatorSet).Input("x", ElementType.Float32, 1, 2, 4, 4).Initializer("s", TestTensors.Floats(1, 2)).Initializer("v", TestTensors.Random(ElementType.Float32, 2, 0.5, 2, 2)).Node("BatchNormalization", "x s s s v", "y", attributes).Output("y");

    [Test]
    public void MessageSaysWhereWhatAndWhatToDo()
    {
        string message = Message(Unary(17, "MaxPool", ("kernel_shape", new[] { 2, 2 }), ("kernel_shapes", new[] { 3, 3 })).Build())!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(message, Does.Contain("1 attribute(s)"));
            Assert.That(message, Does.Contain("MaxPool 'MaxPool_0' (operator set 17): attribute 'kernel_shapes' is unknown; it has auto_pad, ceil_mode, dilations, kernel_shape, pads, storage_order, strides."));
            Assert.That(message, Does.Contain("remove them"));
        }
    }

    [Test]
    public void OperatorWithoutAttributes() => Assert.That(Message(Unary(17, "Sin", ("scale", 2f)).Build()), Does.Contain("attribute 'scale' is unknown; it has none."));

    [TestCase("axis", 1f, "float, expected int")]
    [TestCase("axis", "1", "string, expected int")]
    [TestCase("axis", new[] { 1 }, "ints, expected int")]
    public void KindsMustBeRight(string name, object value, string expected) =>
        Assert.That(Message(Unary(17, "Softmax", (name, value)).Build()), Does.Contain($"Softmax 'Softmax_0' (operator set 17): attribute '{name}' is {expected}."));

    [TestCase("__note", "silu")]
    [TestCase("__", 1)]
    public void NotesOfToolsPass(string name, object value) => Assert.That(Message(Unary(17, "Softmax", (name, value)).Build()), Is.Null);

    [TestCase("_note")]
    [TestCase("Axis")]
    [TestCase("axis ")]
    [TestCase("")]
    public void OtherNamesDoNot(string name) => Assert.That(Message(Unary(17, "Softmax", (name, 1)).Build()), Does.Contain($"attribute '{name}' is unknown"));

    [Test]
    public void VersionsWithTheNameAreSaid()
    {
        Assert.That(Message(Binary(7, "Add", ("broadcast", 1)).Build()), Does.EndWith("The version of operator set 6 has 'broadcast'." + Environment.NewLine + "Correct or remove them, or write the model for an operator set that defines them."));
        Assert.That(Message(Unary(18, "LpPool", ("kernel_shape", new[] { 2, 2 }), ("dilations", new[] { 1, 1 })).Build()), Is.Null);
        Assert.That(Message(Unary(17, "LpPool", ("kernel_shape", new[] { 2, 2 }), ("dilations", new[] { 1, 1 })).Build()), Does.Contain("The version of operator set 18 has 'dilations'."));
    }

    // Versions that few files have any more.
    [TestCase(6, true)]
    [TestCase(7, false)]
    public void BroadcastWithAxis(int operatorSet, bool isKnown) => Assert.That(Message(Binary(operatorSet, "Add", ("axis", 0), ("broadcast", 1)).Build()), isKnown ? Is.Null : Does.Contain("2 attribute(s)"));

    [TestCase(6, true)]
    [TestCase(8, true)]
    [TestCase(9, false)]
    public void SpatialNormalization(int operatorSet, bool isKnown) => Assert.That(Message(Normalization(operatorSet, ("spatial", 1)).Build()), isKnown ? Is.Null : Does.Contain("attribute 'spatial' is unknown"));

    [TestCase(6, true)]
    [TestCase(7, false)]
    public void IsTest(int operatorSet, bool isKnown)
    {
        Assert.That(Message(Normalization(operatorSet, ("is_test", 1)).Build()), isKnown ? Is.Null : Does.Contain("attribute 'is_test' is unknown"));
        Assert.That(Message(Unary(operatorSet, "Dropout", ("is_test", 1)).Build()), isKnown ? Is.Null : Does.Contain("attribute 'is_test' is unknown"));
    }

    // Operator set 6 took it away; what sets before had, the table does not say.
    [TestCase(5, true)]
    [TestCase(6, false)]
    public void ConsumedInputs(int operatorSet, bool isKnown)
    {
        Assert.That(Message(Unary(operatorSet, "Relu", ("consumed_inputs", new[] { 0 })).Build()), isKnown ? Is.Null : Does.Contain("attribute 'consumed_inputs' is unknown; it has none."));
        Assert.That(Message(Normalization(operatorSet, ("consumed_inputs", new[] { 0, 0, 0, 1, 1 }), ("is_test", 1)).Build()), isKnown ? Is.Null : Does.Contain("attribute 'consumed_inputs' is unknown"));
    }

    // ONNX Runtime had it before ONNX.
    [Test]
    public void YoungOperatorInAnOldSet()
    {
        ModelProto model = new ModelBuilder(14).Input("x", ElementType.Float32, 2, 3).Initializer("s", TestTensors.Floats(1, 3)).Node("LayerNormalization", "x s", "y", ("axis", -1), ("epsilon", 1e-5f)).Output("y").Build();
        Assert.That(Message(model), Is.Null);
        model.Graph.Node[0].Attribute.Add(ModelBuilder.Attribute("scale", 1f));
        Assert.That(Message(model), Does.Contain("attribute 'scale' is unknown; it has axis, epsilon, stash_type."));
    }

    [Test]
    public void NodesInGraphsAndFunctionsAreChecked()
    {
        ModelProto model = new ModelBuilder(17, "local").Input("x", ElementType.Float32, 2).Input("c", ElementType.Bool)
            .Node("If", "c", "i", ("then_branch", Branch("then")), ("else_branch", Branch("else"))).Node("local", "Call", "i", "y").Output("y").Build();
        model.Functions.Add(new FunctionProto
        {
            Name = "Call",
            Domain = "local",
            Input = { "a" },
            Output = { "b" },
            Node = { new NodeProto { OpType = "Add", Name = "inside", Input = { "a", "a" }, Output = { "b" }, Attribute = { ModelBuilder.Attribute("axis", 0) } } },
            OpsetImport = { new OperatorSetIdProto { Version = 7 } },
        });
        string message = Message(model)!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(message, Does.Contain("3 attribute(s)"));
            Assert.That(message, Does.Contain("Neg 'node in then' (operator set 17): attribute 'scale' is unknown").And.Contain("Neg 'node in else' (operator set 17)"));
            Assert.That(message, Does.Contain("inside' (operator set 7): attribute 'axis' is unknown"));
        }

        // A function has its own operator set.
        model.Functions[0].OpsetImport[0].Version = 6;
        Assert.That(Message(model), Does.Contain("2 attribute(s)"));

        static GraphProto Branch(string name) => new()
        {
            Name = name,
            Node = { new NodeProto { OpType = "Neg", Name = $"node in {name}", Input = { "x" }, Output = { $"of {name}" }, Attribute = { ModelBuilder.Attribute("scale", 2f) } } },
            Output = { ModelBuilder.Declare($"of {name}", ElementType.Float32, 2) },
        };
    }

    [TestCase(12, null)]
    [TestCase(13, "  and 1 more")]
    [TestCase(5000, "  and 4988 more")]
    public void ListIsShort(int count, string? rest)
    {
        ModelBuilder builder = new ModelBuilder(17).Input("x", ElementType.Float32, 2);
        for (int i = 0; i < count; i++)
        {
            builder.Node("Neg", "x", $"y{i}", ("scale", 2f));
        }

        string[] lines = Message(builder.Output("y0").Build())!.Split(Environment.NewLine);
        Assert.That(lines[0], Does.Contain($"{count} attribute(s)"));
        Assert.That(lines.Count(line => line.Contains("'scale' is unknown", StringComparison.Ordinal)), Is.EqualTo(12));
        Assert.That(lines[^2], rest is null ? Does.Contain("'Neg_11'") : Is.EqualTo(rest));
    }

    [Test]
    public void OperatorsOfOnnxRuntime()
    {
        ModelProto Gelu(params (string, object)[] attributes) => new ModelBuilder(17, "com.microsoft").Input("x", ElementType.Float32, 2, 3).Node("com.microsoft", "QuickGelu", "x", "y", attributes).Output("y").Build();
        Assert.That(Message(Gelu(("alpha", 1f))), Is.Null);
        Assert.That(Message(Gelu(("beta", 1f))), Does.Contain("com.microsoft.QuickGelu 'QuickGelu_0' (operator set 1): attribute 'beta' is unknown; it has alpha."));
    }
}
