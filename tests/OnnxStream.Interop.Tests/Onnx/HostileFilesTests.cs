using System.Diagnostics;
using System.Globalization;
using Google.Protobuf;
using OnnxStream.Interop.Onnx;

namespace OnnxStream.Interop.Tests.Onnx;

/// <summary>ONNX files that are small and would become large, or are large and say nothing: refused, or read in little memory.</summary>
[NativeMemoryLeakCheck]
public class HostileFilesTests
{
    private const long MiB = 1 << 20;

    [Test]
    public void GigabytesOfUnknownFieldsAreNotKept()
    {
        using TemporaryFolder folder = new();
        byte[] model = Small().ToByteArray();

        // Three gigabytes of one unknown field, which is a hole in the file, and two million tiny ones.
        using (FileStream file = File.Create(folder["m.onnx"]))
        {
            file.Write(model);
            for (int i = 0; i < 2000; i++)
            {
                file.Write([.. Enumerable.Repeat<byte[]>([0xA2, 0x06, 0], 1000).SelectMany(field => field)]);
            }

            file.Write([.. Varint((99 << 3) | 2), .. Varint(3L << 30)]);
            file.SetLength(file.Position + (3L << 30));
        }

        CheckMemory(() => Assert.That(Model.Load(folder["m.onnx"]).Inputs, Has.Count.EqualTo(1)), 8 * MiB);
    }

    [Test]
    public void MillionsOfNodesInFewBytes() =>
        Refused(Field(7, [.. Enumerable.Repeat<byte[]>([0x0A, 0], OnnxScanner.MaximumFields + 1).SelectMany(node => node)]), "fields", 256 * MiB);

    [Test]
    public void MillionsOfDimensions()
    {
        byte[] shape = [.. Enumerable.Repeat<byte[]>([0x0A, 0], OnnxScanner.MaximumFields).SelectMany(dimension => dimension)];
        Refused(Field(7, Field(11, Field(2, Field(1, Field(2, shape))))), "fields", 256 * MiB);
    }

    [Test]
    public void LongNames([Values("node", "input", "output", "operator", "domain", "attribute", "value", "graph", "initializer", "symbol")] string which)
    {
        string name = new('x', OnnxScanner.LongestName + 1);
        ModelProto model = Small();
        NodeProto node = model.Graph.Node[0];
        switch (which)
        {
            case "node":
                node.Name = name;
                break;
            case "input":
                node.Input[0] = name;
                break;
            case "output":
                node.Output[0] = name;
                break;
            case "operator":
                node.OpType = name;
                break;
            case "domain":
                node.Domain = name;
                break;
            case "attribute":
                node.Attribute.Add(new AttributeProto { Name = name, I = 1 });
                break;
            case "value":
                model.Graph.Input[0].Name = name;
                break;
            case "graph":
                model.Graph.Name = name;
                break;
            case "initializer":
                model.Graph.Initializer.Add(new TensorProto { Name = name });
                break;
            case "symbol":
                model.Graph.Input[0].Type.TensorType.Shape.Dim[0].DimParam = name;
                break;
        }

        Refused(model.ToByteArray(), "has 65,537 bytes", MiB);
    }

    [Test]
    public void DocumentationOfAnyLengthIsPassedOver()
    {
        ModelProto model = Small();
        model.Graph.Node[0].DocString = new string('x', 10 << 20);
        model.DocString = new string('x', 10 << 20);
        using TemporaryFolder folder = new();
        string path = folder.Write("m.onnx", model.ToByteArray());
        CheckMemory(() => Model.Load(path), MiB);
    }

    // What is declared is a gigabyte; the file has a few bytes of it.
    [TestCase(8, "ints", Description = "an attribute's list")]
    [TestCase(4, "text", Description = "an attribute's text")]
    public void LargeLists(int field, string what)
    {
        using TemporaryFolder folder = new();
        byte[] start = [.. Varint((field << 3) | 2), .. Varint(1L << 30)];
        long length = start.Length + (1L << 30);
        byte[] attribute = [.. Varint((5 << 3) | 2), .. Varint(length), .. start];
        byte[] node = [.. Varint((1 << 3) | 2), .. Varint(attribute.Length - start.Length + length), .. attribute];
        byte[] graph = [.. Varint((7 << 3) | 2), .. Varint(node.Length - start.Length + length), .. node];
        using (FileStream file = File.Create(folder["m.onnx"]))
        {
            file.Write(graph);
            file.SetLength(graph.Length + (1L << 30));
        }

        CheckMemory(
            () => Assert.That(() => Model.Load(folder["m.onnx"]), Throws.TypeOf<ModelFormatException>().With.Message.Contains("1,073,741,824 bytes").And.Message.Contains("at most 67,108,864"), what), MiB);
    }

    [Test]
    public void RanksWithoutEnd([Values(65, 9000)] int rank)
    {
        ModelProto model = Small();
        TensorProto tensor = new() { Name = "w", DataType = 1, RawData = ByteString.CopyFrom(new byte[4]) };
        tensor.Dims.Add(Enumerable.Repeat(1L, rank));
        model.Graph.Initializer.Add(tensor);
        Refused(model.ToByteArray(), $"has {rank:N0} dimensions", 4 * MiB);
    }

    [Test]
    public void PackedDimensionsWithoutEnd() =>
        Refused(Field(7, Field(5, Field(1, new byte[1 << 20]))), "at most 65,536", 2 * MiB);

    [TestCase("1152921504606846976,1152921504606846976", "impossible shape")]
    [TestCase("4294967296,4294967296", "impossible shape")]
    [TestCase("9223372036854775807", "impossible shape")]
    [TestCase("-1", "impossible shape")]
    [TestCase("-2,-2", "impossible shape")]
    [TestCase("0,9223372036854775807", null, Description = "empty, whatever the other dimension says")]
    [TestCase("1000000000000", "needs 4,000,000,000,000 bytes")]
    public void ImpossibleSizes(string dimensions, string? message)
    {
        ModelProto model = Small();
        model.Graph.Initializer.Add(new TensorProto { Name = "w", DataType = 1, Dims = { dimensions.Split(',').Select(number => long.Parse(number, CultureInfo.InvariantCulture)) }, RawData = ByteString.Empty });
        if (message is null)
        {
            Assert.That(() => ModelBytes.Load(model), Throws.Nothing);
        }
        else
        {
            Refused(model.ToByteArray(), message, 4 * MiB);
        }
    }

    [Test]
    public void ElementsAreCountedBeforeTheyAreConverted()
    {
        ModelProto model = Small();
        TensorProto tensor = new() { Name = "w", DataType = 7, Dims = { 2 } };
        tensor.Int64Data.Add(new long[1000]);
        model.Graph.Initializer.Add(tensor);
        Refused(model.ToByteArray(), "has 1,000 elements", 4 * MiB);
    }

    // Each function calls the next one twice: thirty of them are a billion nodes.
    [TestCase(30, 2, "more than 1,000,000")]
    [TestCase(40, 1, "nested more than 32 deep")]
    public void BillionLaughs(int functions, int calls, string message)
    {
        ModelProto model = Laughs(functions, calls, (node, _) => node);
        CheckTime(() => Refused(model.ToByteArray(), message, 2000 * MiB));
    }

    [Test]
    public void BillionLaughsInGraphs()
    {
        // A function of one node, an If whose branches are long, is one node each time that it is called.
        ModelProto model = Laughs(12, 2, (node, isLast) => isLast ? If(5000) : node);
        CheckTime(() => Refused(model.ToByteArray(), "more than 1,000,000", 2000 * MiB));
    }

    [Test]
    public void LongNamesMultiply()
    {
        ModelProto model = Laughs(15, 2, (node, _) =>
        {
            node.Name = new string('n', 10_000);
            return node;
        });
        CheckTime(() => Refused(model.ToByteArray(), "characters", 1500 * MiB));
    }

    [Test]
    public void LongListsInFunctionsAreKeptOnce()
    {
        ModelProto model = Laughs(10, 2, (node, isLast) =>
        {
            if (isLast)
            {
                node.Attribute.Add(new AttributeProto { Name = "perm", Type = AttributeProto.Types.AttributeType.Ints, Ints = { new long[100_000] } });
            }

            return node;
        });
        using TemporaryFolder folder = new();
        string path = folder.Write("m.onnx", model.ToByteArray());
        CheckMemory(() => Model.Load(path), 40 * MiB);
    }

    [Test]
    public void FunctionsThatCallEachOther()
    {
        ModelProto model = Small();
        model.Graph.Node[0] = Call("f0", "x", "y");
        model.Functions.Add(Function("f0", Call("f1", "a", "b")));
        model.Functions.Add(Function("f1", Call("f0", "a", "b")));
        Refused(model.ToByteArray(), "calls itself", 4 * MiB);
    }

    [Test]
    public void ManyGraphsInsideOfALargeOneAreQuick()
    {
        // Once, each of them copied the names of all values around it.
        ModelProto model = Small();
        for (int i = 0; i < 20_000; i++)
        {
            model.Graph.Node.Add(new NodeProto { OpType = "Relu", Input = { "x" }, Output = { $"r{i}" } });
        }

        for (int i = 0; i < 5_000; i++)
        {
            NodeProto node = If(1);
            node.Input[0] = "condition";
            node.Output[0] = $"i{i}";
            model.Graph.Node.Add(node);
        }

        model.Graph.Input.Add(ModelBuilder.Declare("condition", ElementType.Bool));
        CheckTime(() => ModelBytes.Load(model));
    }

    [Test]
    public void DomainOfRewritesIsRefused()
    {
        ModelProto model = Small();
        model.Graph.Node[0].Domain = "onnxstream";
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "onnxstream", Version = 1 });
        Refused(model.ToByteArray(), "no file may use", 4 * MiB);
    }

    private static ModelProto Small() => new ModelBuilder(17).Input("x", ElementType.Float32, 2).Node("Relu", "x", "y").Output("y").Build();

    private static NodeProto Call(string function, string input, string output) => new() { OpType = function, Domain = "local", Input = { input }, Output = { output } };

    private static FunctionProto Function(string name, params NodeProto[] nodes) =>
        new() { Name = name, Domain = "local", Input = { "a" }, Output = { "b" }, Node = { nodes }, OpsetImport = { new OperatorSetIdProto { Version = 17 } } };

    private static NodeProto If(int nodes)
    {
        GraphProto branch = new() { Name = "branch", Output = { new ValueInfoProto { Name = "v0" } } };
        for (int i = 0; i < nodes; i++)
        {
            branch.Node.Add(new NodeProto { OpType = "Constant", Output = { $"v{i}" }, Attribute = { new AttributeProto { Name = "value_int", Type = AttributeProto.Types.AttributeType.Int, I = i } } });
        }

        return new NodeProto
        {
            OpType = "If",
            Input = { "a" },
            Output = { "b" },
            Attribute =
            {
                new AttributeProto { Name = "then_branch", Type = AttributeProto.Types.AttributeType.Graph, G = branch },
                new AttributeProto { Name = "else_branch", Type = AttributeProto.Types.AttributeType.Graph, G = branch },
            },
        };
    }

    // f0 calls f1 some times in a row, and so on; the last one computes.
    private static ModelProto Laughs(int functions, int calls, Func<NodeProto, bool, NodeProto> change)
    {
        ModelProto model = Small();
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "local", Version = 1 });
        model.Graph.Node[0] = Call("f0", "x", "y");
        for (int i = 0; i < functions; i++)
        {
            bool isLast = i == functions - 1;
            NodeProto[] nodes = isLast
                ? [change(new NodeProto { OpType = "Relu", Input = { "a" }, Output = { "b" } }, true)]
                : [.. Enumerable.Range(0, calls).Select(k => change(Call($"f{i + 1}", k == 0 ? "a" : $"t{k}", k == calls - 1 ? "b" : $"t{k + 1}"), false))];
            FunctionProto function = Function($"f{i}", nodes);
            function.OpsetImport.Add(new OperatorSetIdProto { Domain = "local", Version = 1 });
            model.Functions.Add(function);
        }

        return model;
    }

    private static void Refused(byte[] model, string message, long memory)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("m.onnx", model);
        CheckMemory(() => Assert.That(() => Model.Load(path), Throws.TypeOf<ModelFormatException>().With.Message.StartsWith(path).And.Message.Contains(message)), memory);
    }

    private static void CheckMemory(Action action, long bytes)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        action();
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(bytes));
    }

    private static void CheckTime(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        Assert.That(Stopwatch.GetElapsedTime(start), Is.LessThan(TimeSpan.FromSeconds(30)));
    }

    private static byte[] Field(int number, byte[] content) => [.. Varint((number << 3) | 2), .. Varint(content.Length), .. content];

    private static byte[] Varint(long value)
    {
        List<byte> bytes = [];
        for (; value >= 0x80; value >>= 7)
        {
            bytes.Add((byte)(value | 0x80));
        }

        bytes.Add((byte)value);
        return [.. bytes];
    }
}
