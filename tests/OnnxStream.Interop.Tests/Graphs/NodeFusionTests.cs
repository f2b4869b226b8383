using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;
using OnnxStream.Interop.Tests.Rewrites;

namespace OnnxStream.Interop.Tests.Graphs;

/// <summary>What rewrites tell operators cannot be said by a file.</summary>
[NativeMemoryLeakCheck]
public class NodeFusionTests
{
    // The names under which rewrites once told operators something, on nodes that they make something of.
    private static readonly object[][] s_names =
    [
        ["Conv", "activation", "silu"],
        ["Conv", "onnxstream.activation", "silu"],
        ["Conv", "onnxstream.low", 0f],
        ["Conv", "onnxstream.high", 1f],
        ["Conv", "onnxstream.upsample", 1],
        ["Conv", "upsample", 1],
        ["Conv", "low", 0f],
        ["BatchNormalization", "onnxstream.low", 0f],
        ["BatchNormalization", "onnxstream.high", 1f],
        ["Add", "onnxstream.low", 0f],
        ["Add", "onnxstream.high", 1f],
        ["MatMul", "activation", "silu"],
        ["MatMul", "gate", "silu"],
        ["MatMul", "transposed", 1],
        ["Mul", "kind", "gelu"],
        ["Sigmoid", "kind", "gelu"],
        ["InstanceNormalization", "activation", "silu"],
        ["InstanceNormalization", "groups", 2],
        ["InstanceNormalization", "channels_last", 1],
        ["Softmax", "group", 2],
        ["Softmax", "heads", 2],
        ["Softmax", "scale", 2f],
        ["LayerNormalization", "body", "none"],
        ["LayerNormalization", "tiles", 2],
    ];

    private static PassTester Chain(string node, params (string Name, object Value)[] attributes)
    {
        (string, object)[] On(string operatorType, params (string, object)[] own) => [.. own, .. operatorType == node ? attributes : []];
        return new PassTester { Tolerance = 1e-3 }.Input("x", TestTensors.Floats(1, 1, 48, 9, 11)).Constant("w", TestTensors.Floats(2, 64, 48, 1, 1)).Constant("b", TestTensors.Floats(3, 64))
            .Constant("s", TestTensors.Floats(4, 64)).Constant("v", TestTensors.Random(ElementType.Float32, 5, 0.5, 2, 64)).Integers("g", 0, 8, -1).Constant("ones", TestTensors.FromDoubles(ElementType.Float32, Enumerable.Repeat(1.0, 8).ToArray(), 8))
            .Constant("zeros", TestTensors.FromDoubles(ElementType.Float32, new double[8], 8)).Integers("i", 1, 64, 9, 11).Constant("c", TestTensors.Floats(6, 1, 64, 1, 1)).Integers("t", 1, 99, 64).Constant("m", TestTensors.Floats(7, 64, 64))
            .Node("Conv", "x w b", "a", On("Conv")).Node("BatchNormalization", "a s b s v", "n", On("BatchNormalization")).Node("Add", "n a", "p", On("Add")).Node("Relu", "p", "q")
            .Node("Reshape", "q g", "g0").Node("InstanceNormalization", "g0 ones zeros", "g1", On("InstanceNormalization")).Node("Reshape", "g1 i", "g2").Node("Mul", "g2 c", "g3").Node("Add", "g3 c", "g4")
            .Node("Sigmoid", "g4", "e", On("Sigmoid")).Node("Mul", "g4 e", "h", On("Mul")).Node("Reshape", "h t", "k").Node("LayerNormalization", "k s b", "l", On("LayerNormalization", ("axis", -1)))
            .Node("MatMul", "l m", "y0", On("MatMul")).Node("Transpose", "y0", "y1", ("perm", new[] { 0, 2, 1 })).Node("MatMul", "y0 y1", "y2").Node("Softmax", "y2", "y3", On("Softmax", ("axis", -1))).Node("MatMul", "y3 y0", "y").Output("y");
    }

    private static IEnumerable<string> Fusions(PassTester tester) => tester.Rewritten.Nodes.Select(node => $"{RewrittenGraph.Name(node)} {node.Fusion}");

    [Test]
    public void RewritesTellOperatorsWhatToDo()
    {
        PassTester tester = Chain("");
        Assert.That(Fusions(tester).Count(text => text.Contains("Fusion", StringComparison.Ordinal)), Is.GreaterThanOrEqualTo(3), () => string.Join(Environment.NewLine, Fusions(tester)));
        tester.Check();
    }

    [TestCaseSource(nameof(s_names))]
    public void FilesDoNot(string node, string name, object value)
    {
        PassTester tester = Chain(node, (name, value));
        using TemporaryFolder folder = new();
        string path = folder.Write("m.onnx", tester.ToBytes());
        Assert.That(() => new InferenceSession(path), Throws.TypeOf<InvalidGraphException>().With.Message.Contains(node).And.Message.Contains($"'{name}' is unknown"));
        Assert.That(Fusions(tester), Is.EqualTo(Fusions(Chain(""))), "nobody believes it where nobody checks");
    }

    // ONNX Runtime lets names that begin like this pass, and computes the same without them.
    [TestCaseSource(nameof(s_names))]
    public void NotesOfToolsMeanNothing(string node, string name, object value)
    {
        PassTester tester = Chain(node, ("__" + name, value));
        Assert.That(Fusions(tester), Is.EqualTo(Fusions(Chain(""))));
        tester.Check();
    }

    [Test]
    public void GraphsInsideAreSeen()
    {
        Value outer = new("outer");
        Value result = new("result");
        Node inner = new("Neg", "", 17, "inner", [outer], [result], new Attributes());
        Node tiles = new("RowTiles", "onnxstream", 17, "tiles", [], [new Value("y")], new Attributes()) { Fusion = new RowTilesFusion(new Graph { Name = "body", Nodes = [inner], Outputs = [result] }, 2) };
        using (Assert.EnterMultipleScope())
        {
            Assert.That(new Graph { Name = "g", Nodes = [tiles] }.AllNodes(), Is.EqualTo(new[] { tiles, inner }));
            Assert.That(tiles.Dependencies(), Is.EqualTo(new[] { outer }));
        }
    }

    [Test]
    public void InternalOperatorsWantTheirs()
    {
        Value value = new("x") { Type = new TensorType(ElementType.Float32, new Shape(2, 4)) };
        Node node = new("Attention", "onnxstream", 17, "made", [value, value, value], [new Value("y")], new Attributes(new Dictionary<string, object> { ["heads"] = 1L })) { Fusion = new ActivationFusion(ActivationKind.Silu) };
        Assert.That(() => OperatorRegistry.Get(node).Infer(new InferenceContext(node)), Throws.InvalidOperationException.With.Message.Contains("'made' has no AttentionFusion"));
    }
}
