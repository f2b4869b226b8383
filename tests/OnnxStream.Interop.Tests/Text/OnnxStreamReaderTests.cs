using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Tests.Text;

[NativeMemoryLeakCheck]
public class OnnxStreamReaderTests
{
    [Test]
    public void NodesValuesAndNames()
    {
        using TextFolder folder = new TextFolder()
            .Lines(
                "/a/Add:Add*input:x_2E_1(2,3);_2F_w_5F_1.bin(float32:3)*output:_2F_a_2F_Add_5F_output_5F_0(2,3)",
                "/b/Mul:Mul*input:_2F_a_2F_Add_5F_output_5F_0(2,3);x_2E_1(2,3)*output:y(2,3)")
            .Weight("_2F_w_5F_1.bin", 1f, 2f, 3f);
        Model model = folder.Load();
        Assert.That(model.Format, Is.EqualTo("OnnxStream"));
        Assert.That(model.Path, Is.EqualTo(folder.Path));
        Assert.That(model.OperatorSets, Is.EqualTo(new Dictionary<string, long> { [""] = 17 }));
        Assert.That(model.Inputs.Select(input => input.ToString()), Is.EqualTo(new[] { "x.1: float[2,3]" }));
        Assert.That(model.Outputs.Select(output => output.ToString()), Is.EqualTo(new[] { "y: float[2,3]" }));
        Node add = model.Graph.Nodes[0];
        Assert.That((add.Name, add.OperatorType, add.OperatorSet), Is.EqualTo(("/a/Add", "Add", 17)));
        Assert.That(add.Inputs[1]!.Name, Is.EqualTo("/w_1"));
        Assert.That(add.Inputs[1]!.Constant!.Data, Has.Length.EqualTo(12), "small weights are read at once");
        using InferenceSession session = new(model);
        TensorBuffer y = session.Run(new Dictionary<string, TensorBuffer> { ["x.1"] = TensorBuffer.Create<float>([1, 1, 1, 2, 2, 2], 2, 3) })["y"];
        Assert.That(y.Span<float>().ToArray(), Is.EqualTo(new float[] { 2, 3, 4, 6, 8, 10 }));
    }

    [TestCase("\n")]
    [TestCase("\r\n")]
    [TestCase("\r")]
    [TestCase("\n\r\n\n")]
    public void AnyRunOfLineEndsSeparatesLines(string separator)
    {
        using TemporaryFolder folder = new();
        folder.Write("model.txt", $"{separator}:Sigmoid*input:x(1)*output:y(1){separator}:Sigmoid*input:y(1)*output:z(1){separator}{separator}");
        Assert.That(Model.Load(folder.Path).Graph.Nodes, Has.Count.EqualTo(2));
    }

    [Test]
    public void WithoutALineEndAtTheEnd()
    {
        using TemporaryFolder folder = new();
        folder.Write("model.txt", ":Sigmoid*input:x(1)*output:y(1)");
        Assert.That(Model.Load(folder["model.txt"]).Graph.Nodes, Has.Count.EqualTo(1));
    }

    // Folders are also made from models of other operator sets than the one that the format means.
    [TestCase("antialias:0;keep_aspect_ratio_policy:stretch", true)]
    [TestCase("antialias:1", false)]
    [TestCase("activation:silu", false)]
    public void AttributesOfOtherOperatorSets(string attributes, bool isKnown)
    {
        using TextFolder folder = new TextFolder()
            .Lines($"r:Resize*input:x(1,1,2,2);;s.bin(float32:4)*output:y(1,1,4,4)*mode:nearest;nearest_mode:floor;coordinate_transformation_mode:asymmetric;{attributes}")
            .Weight("s.bin", 1f, 1f, 2f, 2f);
        Model model = folder.Load();
        Assert.That(() => new InferenceSession(model).Dispose(), isKnown ? Throws.Nothing : Throws.TypeOf<InvalidGraphException>().With.Message.Contains($"attribute '{attributes[..attributes.IndexOf(':', StringComparison.Ordinal)]}' is unknown"));
    }

    [Test]
    public void OmittedInputs()
    {
        using TextFolder folder = new TextFolder()
            .Lines("r:Resize*input:x(1,1,2,2);;s.bin(float32:4)*output:y(1,1,4,4)*mode:nearest;nearest_mode:floor;coordinate_transformation_mode:asymmetric")
            .Weight("s.bin", 1f, 1f, 2f, 2f);
        Node node = folder.Load().Graph.Nodes[0];
        Assert.That(node.Inputs, Has.Length.EqualTo(3));
        Assert.That(node.Inputs[1], Is.Null);
        Assert.That(node.Attributes.String("mode", ""), Is.EqualTo("nearest"));
    }

    [Test]
    public void NamesWithColons()
    {
        using TextFolder folder = new TextFolder().Lines("a::b:Sigmoid*input:x(1)*output:y(1)");
        Node node = folder.Load().Graph.Nodes[0];
        Assert.That((node.Name, node.OperatorType), Is.EqualTo(("a::b", "Sigmoid")));
    }

    [Test]
    public void AttributesOfAllKinds()
    {
        using TextFolder folder = new TextFolder().Lines("c:Custom*input:x(1)*output:y(1)*axis:-1;axes:2;perm:0,2,1;alpha:1;epsilon:9.999999747378752e-06;mode:linear;big:9223372036854775807");
        Attributes attributes = folder.Load().Graph.Nodes[0].Attributes;
        Assert.That(attributes.Int("axis", 0), Is.EqualTo(-1));
        Assert.That(attributes.Ints("axes"), Is.EqualTo(new long[] { 2 }));
        Assert.That(attributes.Ints("perm"), Is.EqualTo(new long[] { 0, 2, 1 }));
        Assert.That(attributes.Float("alpha", 0), Is.EqualTo(1f));
        Assert.That(attributes.Float("epsilon", 0), Is.EqualTo(1e-5f));
        Assert.That(attributes.String("mode", ""), Is.EqualTo("linear"));
        Assert.That(attributes.Int("big", 0), Is.EqualTo(long.MaxValue));
    }

    [Test]
    public void NoAttributesBehindTheLastStar()
    {
        using TextFolder folder = new TextFolder().Lines("s:Sigmoid*input:x(1)*output:y(1)*");
        Assert.That(folder.Load().Graph.Nodes[0].Attributes.All, Is.Empty);
    }

    [Test]
    public void ScalarsAndUnknownShapes()
    {
        using TextFolder folder = new TextFolder()
            .Lines("m:Mul*input:x();s.bin(float32:)*output:y()", "n:Add*input:y();x(2,0)*output:z(2,0)")
            .Weight("s.bin", 3f);
        Model model = folder.Load();
        Assert.That(model.Graph.Nodes[0].Inputs[1]!.Type, Is.EqualTo(new TensorType(ElementType.Float32, Shape.Scalar)));
        Assert.That(model.Inputs[0].ToString(), Is.EqualTo("x: float[2,?]"), "the mention with dimensions counts");
        using InferenceSession session = new(model);
        Assert.That(session.Run(new Dictionary<string, TensorBuffer> { ["x"] = TensorBuffer.Create<float>([1, 2], 2, 1) })["z"].Span<float>().ToArray(), Is.EqualTo(new float[] { 4, 8 }));
    }

    [Test]
    public void InputOfUnknownShape()
    {
        using TextFolder folder = new TextFolder().Lines("s:Sigmoid*input:x()*output:y()");
        Model model = folder.Load();
        Assert.That(model.Inputs[0].Dimensions, Is.Null);
        using InferenceSession session = new(model);
        Assert.That(session.Run(new Dictionary<string, TensorBuffer> { ["x"] = TensorBuffer.Create<float>([0]) })["y"].Shape, Is.EqualTo(Shape.Scalar));
        Assert.That(session.Run(new Dictionary<string, TensorBuffer> { ["x"] = TensorBuffer.Create<float>([0, 0], 2, 1) })["y"].Shape, Is.EqualTo(new Shape(2, 1)));
    }

    [Test]
    public void TypesOfWeights([Values(1, 600)] int count)
    {
        float[] numbers = [.. Enumerable.Range(0, count).Select(i => i % 100 * 0.25f - 8)];
        using TextFolder folder = new TextFolder()
            .Lines(
                $":Add*input:x({count});f.bin(float32:{count})*output:a({count})",
                $":Add*input:a({count});h.bin(float16:{count})*output:b({count})",
                $":Add*input:b({count});q.bin(uint8[0.25,32]:{count})*output:y({count})")
            .Weight("f.bin", numbers)
            .Weight("h.bin", Array.ConvertAll(numbers, value => (Half)value))
            .Weight("q.bin", Array.ConvertAll(numbers, value => (byte)(value / 0.25f + 32)));
        Model model = folder.Load();
        Constant quantized = model.Graph.Nodes[2].Inputs[1]!.Constant!;
        Assert.That(quantized.Type.ElementType, Is.EqualTo(ElementType.Float32));
        if (count > 1024)
        {
            Assert.That(quantized.StoredType, Is.EqualTo(ElementType.UInt8));
        }

        using InferenceSession session = new(model);
        Assert.That(session.Run(new Dictionary<string, TensorBuffer> { ["x"] = new(ElementType.Float32, new Shape(count)) })["y"].Span<float>().ToArray(), Is.EqualTo(numbers.Select(value => 3 * value)));
    }

    [Test]
    public void LargeWeightsStayInTheirFiles()
    {
        using TextFolder folder = new TextFolder()
            .Lines(
                "e:Gather*input:table.bin(float16:700,3);ids(4)*output:rows(4,3)*axis:0",
                "g:Gather*input:long.bin(int64:200);ids(4)*output:numbers(4)",
                "m:MatMul*input:rows(4,3);w.bin(uint8[0.5,3]:3,2000)*output:y(4,2000)")
            .Weight("table.bin", Enumerable.Range(0, 2100).Select(i => (Half)(i / 3)).ToArray())
            .Weight("long.bin", Enumerable.Range(0, 200).Select(i => 1L << (i % 60)).ToArray())
            .Weight("w.bin", Enumerable.Range(0, 6000).Select(i => (byte)i).ToArray());
        Model model = folder.Load();
        Constant table = model.Graph.Nodes[0].Inputs[0]!.Constant!;
        Assert.That(table.Location!.Value.Length, Is.EqualTo(4200));
        Assert.That((table.StoredType, table.Type.ElementType), Is.EqualTo((ElementType.Float16, ElementType.Float32)));
        Constant weight = model.Graph.Nodes[2].Inputs[1]!.Constant!;
        Assert.That(weight.Quantization!.TryReadScalar(), Is.EqualTo((0.5f, 3)));
        using InferenceSession session = new(model);
        RunResult result = session.Run(new Dictionary<string, TensorBuffer> { ["ids"] = TestTensors.Integers(0, 5, 199, 61) });
        Assert.That(result["numbers"].Span<long>().ToArray(), Is.EqualTo(new[] { 1L, 32, 1L << 19, 2 }));
        float expected = 3 * 0;
        for (int row = 0; row < 3; row++)
        {
            expected += 199 * ((byte)(row * 2000 + 1234) - 3) * 0.5f;
        }

        Assert.That(result["y"].Span<float>()[2 * 2000 + 1234], Is.EqualTo(expected).Within(0.5));
    }

    [Test]
    public void TheSameWeightTwice()
    {
        using TextFolder folder = new TextFolder()
            .Lines(":Add*input:x(2);w.bin(float32:2)*output:y(2)", ":Mul*input:y(2);w.bin(float32:2)*output:z(2)")
            .Weight("w.bin", 1f, 2f);
        Graph graph = folder.Load().Graph;
        Assert.That(graph.Nodes[1].Inputs[1], Is.SameAs(graph.Nodes[0].Inputs[1]));
    }

    [Test]
    public void NamesThatWouldBeTheSameUnescaped()
    {
        using TextFolder folder = new TextFolder().Lines(":Add*input:a_b(1);a_5F_b(1)*output:y(1)");
        Assert.That(folder.Load().Inputs.Select(input => input.Name), Is.EqualTo(new[] { "a_b", "a_5F_b" }));
    }

    [Test]
    public void EmptyWeights()
    {
        using TextFolder folder = new TextFolder().Lines(":Concat*input:x(2);w.bin(float32:0)*output:y(2)*axis:0").Weight<float>("w.bin");
        Assert.That(folder.Load().Graph.Nodes[0].Inputs[1]!.Type!.Value.Shape, Is.EqualTo(new Shape(0)));
    }

    [Test]
    public void UnusedOutputsAreOutputs()
    {
        using TextFolder folder = new TextFolder()
            .Lines("s:Split*input:x(1,4);sizes.bin(int64:2)*output:a(1,1);b(1,3)*axis:1", "n:Sigmoid*input:b(1,3)*output:c(1,3)")
            .Weight("sizes.bin", 1L, 3L);
        Assert.That(folder.Load().Outputs.Select(output => output.Name), Is.EqualTo(new[] { "a", "c" }));
    }

    [Test]
    public void LinksAreFollowed()
    {
        // Download caches consist of them.
        using TextFolder folder = new TextFolder().Lines(":Add*input:x(2);w.bin(float32:2)*output:y(2)");
        using TemporaryFolder cache = new();
        File.CreateSymbolicLink(Path.Combine(folder.Path, "w.bin"), cache.Write("blob", new byte[8]));
        Assert.That(folder.Load().Graph.Nodes[0].Inputs[1]!.Constant, Is.Not.Null);
    }

    // Found by mutated models: the number of elements overflows.
    [Test]
    public void DeclaredShapeWithoutEnd()
    {
        using TextFolder folder = new TextFolder().Lines("r:Relu*input:x(4294967296,4294967296)*output:y(4294967296,4294967296)");
        Assert.That(() => folder.Load(), Throws.TypeOf<ModelFormatException>().With.Message.Contains("line 1, column 14").And.Message.Contains("counted"));
    }
}
