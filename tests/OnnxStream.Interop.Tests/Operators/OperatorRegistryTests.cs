using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Onnx;

namespace OnnxStream.Interop.Tests.Operators;

/// <summary>What is not supported is said in one message, wherever it stands.</summary>
public class OperatorRegistryTests
{
    [Test]
    public void AllThatIsMissingIsInOneMessage()
    {
        ModelProto model = new ModelBuilder(17).Input("x", ElementType.Float32, 2).Input("c", ElementType.Bool)
            .Node("Relu", "x", "r").Node("Frobnicate", "r", "f0").Node("Frobnicate", "f0", "f1").Node("Frobnicate", "f1", "f2").Node("Frobnicate", "f2", "f3")
            .Node("If", "c", "i", ("then_branch", Branch("then")), ("else_branch", Branch("else"))).Node("local", "Call", "i", "y").Output("y").Output("f3").Build();
        model.OpsetImport.Add([new OperatorSetIdProto { Domain = "local", Version = 1 }, new OperatorSetIdProto { Domain = "com.vendor", Version = 3 }]);
        model.Functions.Add(new FunctionProto
        {
            Name = "Call",
            Domain = "local",
            Input = { "a" },
            Output = { "b" },
            Node = { new NodeProto { OpType = "Vendors", Domain = "com.vendor", Name = "inside", Input = { "a" }, Output = { "b" } } },
            OpsetImport = { new OperatorSetIdProto { Domain = "com.vendor", Version = 2 } },
        });
        using TemporaryFolder folder = new();
        string path = folder.Write("m.onnx", Google.Protobuf.MessageExtensions.ToByteArray(model));
        string message = Assert.Throws<UnsupportedOperatorException>(() => new InferenceSession(path))!.Message;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(message, Does.StartWith($"{path}: ").And.Contain("3 operator(s)"));
            Assert.That(message, Does.Contain("Frobnicate (operator set 17), 4 node(s): 'Frobnicate_1', 'Frobnicate_2', 'Frobnicate_3', …"));
            Assert.That(message, Does.Contain("Hidden (operator set 17), 2 node(s): 'node in then', 'node in else'"));
            Assert.That(message, Does.Contain("com.vendor.Vendors (operator set 2), 1 node(s): ").And.Contain("inside'"));
            Assert.That(message, Does.Not.Contain("Relu"));
        }

        static GraphProto Branch(string name) => new()
        {
            Name = name,
            Node = { new NodeProto { OpType = "Hidden", Name = $"node in {name}", Input = { "x" }, Output = { $"of {name}" } } },
            Output = { ModelBuilder.Declare($"of {name}", ElementType.Float32, 2) },
        };
    }

    [Test]
    public void OperatorSetsThatAreNotKnownYet([Values(true, false)] bool isKnown)
    {
        int set = OperatorSets.Newest + (isKnown ? 0 : 1);
        using TemporaryFolder folder = new();
        string path = folder.Write("m.onnx", new ModelBuilder(set).Input("x", ElementType.Float32, 2).Node("Relu", "x", "y").Output("y").ToBytes());
        if (isKnown)
        {
            Assert.That(() => new InferenceSession(path).Dispose(), Throws.Nothing);
        }
        else
        {
            Assert.That(() => new InferenceSession(path), Throws.TypeOf<UnsupportedOperatorException>().With.Message.Contains("Relu (operator set 29), 1 node(s)").And.Message.Contains("up to 28 are understood"));
        }
    }

    [Test]
    public void EveryMessageNamesTheFile()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("m.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, 2, 3).Input("z", ElementType.Float32, 4, 5).Node("MatMul", "x z", "y").Output("y").ToBytes());
        Assert.That(() => new InferenceSession(path), Throws.TypeOf<InvalidGraphException>().With.Message.StartsWith($"{path}: MatMul 'MatMul_0' (inputs float[2,3], float[4,5]): "));
    }
}
