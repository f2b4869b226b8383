using OnnxStream.Interop.Onnx;

namespace OnnxStream.Interop.Tests.Onnx;

[NativeMemoryLeakCheck]
public class OnnxWriterTests
{
    [Test]
    public void EverythingIsWrittenBack()
    {
        using TemporaryFolder folder = new();
        Model model = Model.Load(folder.Write("m.onnx", ModelBytes.Everything()));
        model.SaveOnnx(folder["again.onnx"]);
        ModelProto original = ModelProto.Parser.ParseFrom(ModelBytes.Everything());
        ModelProto written = ModelProto.Parser.ParseFrom(File.ReadAllBytes(folder["again.onnx"]));
        Assert.That(written.Graph.Node, Is.EqualTo(original.Graph.Node));
        Assert.That(written.Graph.Input, Is.EqualTo(original.Graph.Input));
        Assert.That(written.Graph.Output, Is.EqualTo(original.Graph.Output));
        Assert.That(written.OpsetImport, Is.EqualTo(original.OpsetImport));
        Assert.That(written.Graph.Initializer.Select(tensor => tensor.Name), Is.EquivalentTo(original.Graph.Initializer.Select(tensor => tensor.Name)));
        TensorProto large = written.Graph.Initializer.Single(tensor => tensor.Name == "large");
        Assert.That(large.DataLocation, Is.EqualTo(TensorProto.Types.DataLocation.External));
        Assert.That(File.ReadAllBytes(folder["again.onnx.data"]), Is.EqualTo(original.Graph.Initializer.Single(tensor => tensor.Name == "large").RawData.ToByteArray()));
        Assert.That(Directory.GetFiles(folder.Path), Has.Length.EqualTo(3), "nothing else is left");
    }

    [Test]
    public void OnnxRuntimeComputesTheSame()
    {
        ModelBuilder builder = new ModelBuilder(13).Input("x", ElementType.Float32, -1, 300)
            .Initializer("w", TestTensors.Floats(1, 300, 70)).Initializer("b", TestTensors.Floats(2, 70)).Initializer("v", TestTensors.Floats(3, 70, 30))
            .Node("Gemm", "x w b", "a").Node("MatMul", "a v", "y").Output("y");
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(4, 2, 300) };
        using TemporaryFolder folder = new();
        Model.Load(folder.Write("m.onnx", builder.ToBytes())).SaveOnnx(folder["again.onnx"]);
        ModelProto written = ModelProto.Parser.ParseFrom(File.ReadAllBytes(folder["again.onnx"]));
        Assert.That(written.Graph.Initializer.SelectMany(tensor => tensor.ExternalData).Where(entry => entry.Key == "offset").Select(entry => long.Parse(entry.Value) % 4096), Is.EqualTo(new[] { 0, 0 }));
        TensorBuffer expected = Oracle.Run(builder.ToBytes(), inputs)["y"];
        TestTensors.AssertClose(Oracle.Run(folder["again.onnx"], inputs)["y"], expected, 1e-5, "ONNX Runtime");
        using InferenceSession session = new(folder["again.onnx"]);
        TestTensors.AssertClose(session.Run(inputs)["y"], expected, 1e-4, "session");
    }

    [Test]
    public void InputsKeepTheirDefaultValues()
    {
        ModelBuilder builder = new ModelBuilder(17).Input("x", ElementType.Float32, 2).Input("w", ElementType.Float32, -1).Initializer("w", TestTensors.Floats(1, 2))
            .Input("unread", ElementType.Float32, 3).Initializer("unread", TestTensors.Floats(2, 3)).Node("Add", "x w", "y").Output("y");
        using TemporaryFolder folder = new();
        Model.Load(folder.Write("m.onnx", builder.ToBytes())).SaveOnnx(folder["again.onnx"]);
        Model again = Model.Load(folder["again.onnx"]);
        Assert.That(again.OptionalInputs.Select(input => input.ToString()), Is.EqualTo(new[] { "w: float[dw0]", "unread: float[3]" }));
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(4, 2) };
        TestTensors.AssertClose(Oracle.Run(folder["again.onnx"], inputs)["y"], Oracle.Run(builder.ToBytes(), inputs)["y"], 0, "the default");
        inputs["w"] = TestTensors.Floats(5, 2);
        TestTensors.AssertClose(Oracle.Run(folder["again.onnx"], inputs)["y"], Oracle.Run(builder.ToBytes(), inputs)["y"], 0, "another");
    }

    [Test]
    public void InnerGraphsReadConstantsOfOuterOnes()
    {
        GraphProto branch = new() { Name = "branch" };
        branch.Node.Add(new NodeProto { Name = "inner", OpType = "Add", Input = { "x", "w" }, Output = { "r" } });
        branch.Output.Add(ModelBuilder.Declare("r", ElementType.Float32, 2));
        GraphProto other = branch.Clone();
        other.Node[0].OpType = "Mul";
        other.Node[0].Output[0] = "s";
        other.Output[0].Name = "s";
        ModelBuilder builder = new ModelBuilder(13).Input("x", ElementType.Float32, 2).Input("c", ElementType.Bool)
            .Initializer("w", TensorBuffer.Create<float>([10, 20], 2)).Node("If", "c", "a", ("then_branch", branch), ("else_branch", other)).Node("Sub", "a w", "y").Output("y");
        using TemporaryFolder folder = new();
        Model.Load(folder.Write("m.onnx", builder.ToBytes())).SaveOnnx(folder["again.onnx"]);
        foreach (bool condition in new[] { false, true })
        {
            Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TensorBuffer.Create<float>([1, 2], 2), ["c"] = TensorBuffer.Create<bool>([condition]) };
            TestTensors.AssertClose(Oracle.Run(folder["again.onnx"], inputs)["y"], Oracle.Run(builder.ToBytes(), inputs)["y"], 1e-6, "y");
        }

        ModelProto written = ModelProto.Parser.ParseFrom(File.ReadAllBytes(folder["again.onnx"]));
        Assert.That(written.Graph.Initializer, Has.Count.EqualTo(1));
        Assert.That(written.Graph.Node[0].Attribute[0].G.Initializer, Is.Empty, "a constant is written once, where it is defined");
    }

    [Test]
    public void AModelCanBeWrittenOverItself()
    {
        ModelBuilder builder = new ModelBuilder(13).Input("x", ElementType.Float32, 1, 300).Initializer("w", TestTensors.Floats(1, 300, 70)).Node("MatMul", "x w", "y").Output("y");
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(4, 1, 300) };
        using TemporaryFolder folder = new();
        string path = folder.Write("m.onnx", builder.ToBytes());
        for (int i = 0; i < 3; i++)
        {
            Model.Load(path).SaveOnnx(path);
            TestTensors.AssertClose(Oracle.Run(path, inputs)["y"], Oracle.Run(builder.ToBytes(), inputs)["y"], 1e-5, "y");
        }

        Assert.That(Directory.GetFiles(folder.Path), Has.Length.EqualTo(2));
    }

    [Test]
    public void AFailureLeavesThingsAsTheyWere()
    {
        ModelBuilder builder = new ModelBuilder(13).Input("x", ElementType.Float32, 1, 300).Initializer("w", TestTensors.Floats(1, 300, 70)).Node("MatMul", "x w", "y").Output("y");
        using TemporaryFolder folder = new();
        Model model = Model.Load(folder.Write("m.onnx", builder.ToBytes()));
        folder.Write("m.onnx", new byte[1000]);
        folder.Write("target.onnx", "what was there before");
        Assert.That(() => model.SaveOnnx(folder["target.onnx"]), Throws.TypeOf<WeightsException>());
        Assert.That(File.ReadAllText(folder["target.onnx"]), Is.EqualTo("what was there before"));
        Assert.That(Directory.GetFiles(folder.Path), Has.Length.EqualTo(2));
        Assert.That(() => model.SaveOnnx(folder["no/such/folder.onnx"]), Throws.InstanceOf<IOException>());
    }

    [Test]
    public void OutputsThatAreInputsOrConstants()
    {
        ModelBuilder builder = new ModelBuilder(13).Input("x", ElementType.Float32, 2).Initializer("w", TestTensors.Floats(1, 2)).Node("Neg", "x", "y").Output("y").Output("w");
        using TemporaryFolder folder = new();
        Model.Load(folder.Write("m.onnx", builder.ToBytes())).SaveOnnx(folder["again.onnx"]);
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(4, 2) };
        Assert.That(Oracle.Run(folder["again.onnx"], inputs)["w"].Span<float>().ToArray(), Is.EqualTo(TestTensors.Floats(1, 2).Span<float>().ToArray()));
    }

    [Test]
    public void ManyInitializersOfAllTypes()
    {
        ElementType[] types = [ElementType.Float32, ElementType.Float64, ElementType.Float16, ElementType.Int64, ElementType.Int32, ElementType.Int16, ElementType.Int8, ElementType.UInt8, ElementType.UInt16, ElementType.UInt32, ElementType.UInt64, ElementType.Bool];
        ModelBuilder builder = new(13);
        foreach (ElementType type in types)
        {
            builder.Initializer($"{type}", TestTensors.Random(type, 1, 0, 50, 3, 401)).Node("Identity", $"{type}", $"{type}_out").Output($"{type}_out", type);
        }

        using TemporaryFolder folder = new();
        Model.Load(folder.Write("m.onnx", builder.ToBytes())).SaveOnnx(folder["again.onnx"]);
        Dictionary<string, TensorBuffer> outputs = Oracle.Run(folder["again.onnx"], new Dictionary<string, TensorBuffer>());
        foreach (ElementType type in types)
        {
            Assert.That(outputs[$"{type}_out"].Bytes.SequenceEqual(TestTensors.Random(type, 1, 0, 50, 3, 401).Bytes), $"{type}");
        }
    }
}
