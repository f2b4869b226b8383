using System.Diagnostics;
using Google.Protobuf;
using OnnxStream.Interop.Onnx;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Onnx;

public class OnnxScannerTests
{
    [Test]
    public void SmallModelsAreCopiedAsTheyAre()
    {
        byte[] bytes = new ModelBuilder(13).Input("x", ElementType.Float32, 2).Initializer("w", TestTensors.Floats(1, 2)).Node("Add", "x w", "y").Output("y").ToBytes();
        using TemporaryFolder folder = new();
        Assert.That(OnnxScanner.Read(new FileSource(folder.Write("m.onnx", bytes))).ToByteArray(), Is.EqualTo(bytes));
    }

    [TestCase(256, false)]
    [TestCase(257, true)]
    public void LargeDataStaysInTheFile(int count, bool isLarge)
    {
        TensorBuffer weight = TestTensors.Floats(1, count);
        byte[] bytes = new ModelBuilder(13).Initializer("w", weight).ToBytes();
        using TemporaryFolder folder = new();
        TensorProto tensor = OnnxScanner.Read(new FileSource(folder.Write("m.onnx", bytes))).Graph.Initializer[0];
        Assert.That(tensor.HasRawData, Is.EqualTo(!isLarge));
        if (isLarge)
        {
            int offset = int.Parse(tensor.ExternalData.Single(entry => entry.Key == "offset").Value);
            Assert.That(bytes.AsSpan(offset, count * sizeof(float)).SequenceEqual(weight.Bytes));
            Assert.That(tensor.ExternalData.Single(entry => entry.Key == "location").Value, Is.EqualTo(OnnxScanner.SelfLocation));
        }
    }

    [TestCase(2)]
    [TestCase(257)]
    public void ADefaultThatIsWrittenOutIsADefault(int count)
    {
        // Python's onnx does so when it saves a file again, after the elements.
        TensorBuffer weight = TestTensors.Floats(1, count);
        ModelBuilder builder = new ModelBuilder(13).Input("x", ElementType.Float32, count).Initializer("w", weight).Node("Add", "x w", "y").Output("y");
        builder.Graph.Initializer[0].DataLocation = TensorProto.Types.DataLocation.Default;
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("m.onnx", builder.ToBytes()));
        RunResult result = session.Run(new Dictionary<string, TensorBuffer> { ["x"] = new(ElementType.Float32, new Shape(count)) });
        Assert.That(result["y"].Bytes.SequenceEqual(weight.Bytes), Is.True);
    }

    [Test]
    public void ReadingTakesLittleMemoryHoweverLargeTheWeights()
    {
        TensorBuffer weight = TestTensors.Floats(1, 1000, 3000);
        using TemporaryFolder folder = new();
        string path = folder.Write("m.onnx", new ModelBuilder(13).Input("x", ElementType.Float32, 1, 1000).Initializer("w", weight).Node("MatMul", "x w", "y").Output("y").ToBytes());
        Model.Load(path);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Model model = Model.Load(path);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1 << 20));
        Assert.That(model.Graph.Nodes[0].Inputs[1]!.Constant!.Location!.Value.Length, Is.EqualTo(12_000_000));
    }

    [Test]
    public void AFileOfGigabytesIsOpenedAtOnce()
    {
        // The file has a hole where the weight is, and takes no room on the disk.
        const long Length = 3_400_000_000;
        const long Count = Length / sizeof(float);
        TensorProto small = new() { Name = "w", DataType = (int)ElementType.Float32, Dims = { Count } };
        byte[] tensor = [.. small.ToByteArray(), .. Tag(9), .. Varint(Length)];
        byte[] graph = [.. Field(1, new NodeProto { OpType = "Add", Input = { "x", "w" }, Output = { "y" } }), .. Tag(5), .. Varint(tensor.Length + Length), .. tensor];
        byte[] rest = [.. Field(11, ModelBuilder.Declare("x", ElementType.Float32, 1)), .. Field(12, ModelBuilder.Declare("y", ElementType.Float32, Count))];
        byte[] head = [.. Tag(7), .. Varint(graph.Length + Length + rest.Length), .. graph];
        byte[] tail = [.. rest, .. Field(8, new OperatorSetIdProto { Version = 13 })];
        using TemporaryFolder folder = new();
        using (FileStream file = File.Create(folder["large.onnx"]))
        {
            file.Write(head);
            file.Position += Length;
            file.Write(tail);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();
        Model model = Model.Load(folder["large.onnx"]);
        Assert.That(Stopwatch.GetElapsedTime(start), Is.LessThan(TimeSpan.FromSeconds(1)));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(4 << 20));
        Interop.Weights.WeightRange location = model.Graph.Nodes[0].Inputs[1]!.Constant!.Location!.Value;
        Assert.That((location.Offset, location.Length), Is.EqualTo(((long)head.Length, Length)));
        Assert.That(model.Outputs[0].Name, Is.EqualTo("y"));
    }

    [Test]
    public void EveryPrefixLoadsOrIsRefused()
    {
        byte[] bytes = ModelBytes.Everything();
        using TemporaryFolder folder = new();
        int refused = 0;
        for (int length = 0; length < bytes.Length; length++)
        {
            refused += LoadsOrIsRefused(folder, bytes.AsSpan(0, length)) ? 0 : 1;
        }

        Assert.That(refused, Is.GreaterThan(bytes.Length * 9 / 10));
        Assert.That(LoadsOrIsRefused(folder, bytes));
    }

    [Test]
    public void EveryDamagedFileLoadsOrIsRefused()
    {
        byte[] bytes = ModelBytes.Everything();
        Random random = new(17);
        using TemporaryFolder folder = new();
        for (int i = 0; i < 1500; i++)
        {
            byte[] damaged = [.. bytes];
            for (int k = 0; k <= i % 4; k++)
            {
                int index = random.Next(damaged.Length);
                damaged[index] = i % 2 == 0 ? (byte)(damaged[index] ^ (1 << random.Next(8))) : (byte)random.Next(256);
            }

            LoadsOrIsRefused(folder, damaged);
        }
    }

    [Test]
    public void RandomBytesAreRefused()
    {
        Random random = new(3);
        using TemporaryFolder folder = new();
        for (int i = 0; i < 500; i++)
        {
            byte[] bytes = new byte[random.Next(200)];
            random.NextBytes(bytes);
            Assert.That(LoadsOrIsRefused(folder, bytes), Is.False);
        }
    }

    [Test]
    public void EndlessNestingIsRefused()
    {
        // Graph in attribute in node in graph …: a stack would end long before this does.
        byte[] nested = [];
        for (int i = 0; i < 10_000; i++)
        {
            byte[] attribute = [.. Tag(6), .. Varint(nested.Length), .. nested];
            byte[] node = [.. Tag(5), .. Varint(attribute.Length), .. attribute];
            nested = [.. Tag(1), .. Varint(node.Length), .. node];
            if (nested.Length > 20_000)
            {
                break;
            }
        }

        using TemporaryFolder folder = new();
        Assert.That(LoadsOrIsRefused(folder, [.. Tag(7), .. Varint(nested.Length), .. nested]), Is.False);
    }

    [Test]
    public void ManyEmptyLevelsOfUnknownGroupsAreRefused()
    {
        // Groups, a kind of field that ONNX does not use.
        byte[] groups = new byte[10_000];
        Array.Fill(groups, (byte)((21 << 3) | 3 & 0x7F));
        using TemporaryFolder folder = new();
        Assert.That(LoadsOrIsRefused(folder, groups), Is.False);
    }

    [TestCase("", "the file is empty.")]
    [TestCase("\u0008\u0008", "it has no graph")]
    [TestCase("PK\u0003\u0004 a zip file is no model", "not an ONNX model", "It is an archive (zip).")]
    [TestCase("hello, this is\na text", "It is a text that begins with 'hello, this is'.")]
    [TestCase("<!DOCTYPE html><html><head><title>Not found</title></head></html>", "It is a web page, such as a page about the file, or an error. Download the file itself.")]
    [TestCase("version https://git-lfs.github.com/spec/v1\noid sha256:00", "'git lfs pull' brings the file itself.")]
    public void OtherFilesAreNamed(string content, params string[] messages)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("m.onnx", System.Text.Encoding.ASCII.GetBytes(content));
        string message = Assert.Throws<ModelFormatException>(() => Model.Load(path))!.Message;
        Assert.That(message, Does.StartWith(path));
        foreach (string part in messages)
        {
            Assert.That(message, Does.Contain(part));
        }
    }

    private static bool LoadsOrIsRefused(TemporaryFolder folder, ReadOnlySpan<byte> bytes)
    {
        try
        {
            Model.Load(folder.Write("m.onnx", bytes));
            return true;
        }
        catch (ModelFormatException exception)
        {
            Assert.That(exception.Path, Is.EqualTo(folder["m.onnx"]));
            return false;
        }
    }

    private static byte[] Field(int number, IMessage message)
    {
        byte[] bytes = message.ToByteArray();
        return [.. Tag(number), .. Varint(bytes.Length), .. bytes];
    }

    private static byte[] Tag(int field) => Varint((field << 3) | 2);

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
