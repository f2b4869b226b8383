using System.Runtime.InteropServices;
using Google.Protobuf;
using OnnxStream.Interop.Onnx;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Tests.Onnx;

public class TensorReaderTests
{
    private static readonly ElementType[] s_types =
    [
        ElementType.Float32, ElementType.Float64, ElementType.Float16, ElementType.BFloat16, ElementType.Int64, ElementType.Int32, ElementType.Int16, ElementType.Int8,
        ElementType.UInt64, ElementType.UInt32, ElementType.UInt16, ElementType.UInt8, ElementType.Bool,
        ElementType.Float8E4M3FN, ElementType.Float8E4M3FNUZ, ElementType.Float8E5M2, ElementType.Float8E5M2FNUZ, ElementType.Float8E8M0,
    ];

    private static readonly ElementType[] s_packedTypes = [ElementType.UInt4, ElementType.Int4, ElementType.Float4E2M1, ElementType.UInt2, ElementType.Int2];

    [Test]
    public void DataInTheFieldOfItsType([ValueSource(nameof(s_types))] ElementType type, [Values(3, 700)] int count)
    {
        (TensorProto tensor, byte[] expected) = Typed(type, count);
        Assert.That(ReadBytes(Read(tensor)), Is.EqualTo(expected));
    }

    [Test]
    public void RawData([ValueSource(nameof(s_types))] ElementType type, [Values(0, 3, 700)] int count)
    {
        (TensorProto tensor, byte[] expected) = Typed(type, count);
        TensorProto raw = new() { Name = "w", DataType = tensor.DataType, Dims = { count }, RawData = ByteString.CopyFrom(expected) };
        Constant constant = Read(raw);
        Assert.That(ReadBytes(constant), Is.EqualTo(expected));
        Assert.That(constant.Type, Is.EqualTo(new TensorType(type, new Shape(count))));
        Assert.That(constant.Location is not null, Is.EqualTo(expected.Length > OnnxScanner.InlineLimitBytes));
    }

    // The largest ones stay where they are.
    [Test]
    public void ElementsThatShareBytes([ValueSource(nameof(s_packedTypes))] ElementType type, [Values(0, 1, 3, 4, 5, 700, 5001)] int count, [Values] bool isRaw)
    {
        int perByte = type.PerByte();
        byte[] packed = new byte[(count + perByte - 1) / perByte];
        new Random(count).NextBytes(packed);
        TensorProto tensor = new() { Name = "w", DataType = (int)type, Dims = { count } };
        if (isRaw)
        {
            tensor.RawData = ByteString.CopyFrom(packed);
        }
        else
        {
            tensor.Int32Data.Add(packed.Select(value => (int)value));
        }

        Constant constant = Read(tensor);
        byte[] elements = new byte[count];
        constant.ReadElements(elements);
        byte[] expected = new byte[count];
        for (int i = 0; i < count; i++)
        {
            int bits = packed[i / perByte] >> (i % perByte * 8 / perByte) & (perByte == 2 ? 15 : 3);
            bool isNegative = type is ElementType.Int4 or ElementType.Int2 && bits >= (perByte == 2 ? 8 : 2);
            expected[i] = (byte)(isNegative ? bits - (perByte == 2 ? 16 : 4) : bits);
        }

        Assert.That(elements, Is.EqualTo(expected));
        Assert.That(constant.Type, Is.EqualTo(new TensorType(type, new Shape(count))));
        Assert.That(constant.IsPacked, Is.EqualTo(isRaw && packed.Length > OnnxScanner.InlineLimitBytes));

        TemporaryFolder folder = new();
        s_folders.Add(folder);
        TensorBuffer file = OnnxTensorFile.Load(folder.Write("t.pb", tensor.ToByteArray()));
        Assert.That(file.Bytes.ToArray(), Is.EqualTo(expected));
    }

    [Test]
    public void TooFewOrTooManySharedBytes([ValueSource(nameof(s_packedTypes))] ElementType type, [Values(-1, 1)] int more, [Values(9, 9001)] int count, [Values] bool isRaw)
    {
        byte[] packed = new byte[new TensorType(type, new Shape(count)).PackedByteLength + more];
        TensorProto tensor = new() { Name = "the weight", DataType = (int)type, Dims = { count } };
        if (isRaw)
        {
            tensor.RawData = ByteString.CopyFrom(packed);
        }
        else
        {
            tensor.Int32Data.Add(packed.Select(value => (int)value));
        }

        Assert.That(() => Read(tensor), Throws.TypeOf<ModelFormatException>().With.Message.Contains("'the weight'"));
    }

    [Test]
    public void TypedDataThatIsNotPacked()
    {
        // Each element in a field of its own, as writers of protobuf version 2 do unless told otherwise.
        byte[] tensor = [.. new TensorProto { Name = "w", DataType = 7, Dims = { 3 } }.ToByteArray(), 7 << 3, 1, 7 << 3, 2, 7 << 3, 3];
        Assert.That(ReadBytes(Read(TensorProto.Parser.ParseFrom(tensor))), Is.EqualTo(MemoryMarshal.AsBytes<long>([1, 2, 3]).ToArray()));
        byte[] floats = [.. new TensorProto { Name = "w", DataType = 1, Dims = { 2 } }.ToByteArray(), (4 << 3) | 5, 0, 0, 128, 63, (4 << 3) | 5, 0, 0, 0, 64];
        Assert.That(ReadBytes(Read(TensorProto.Parser.ParseFrom(floats))), Is.EqualTo(MemoryMarshal.AsBytes<float>([1, 2]).ToArray()));
    }

    [Test]
    public void Scalars()
    {
        Constant constant = Read(new TensorProto { Name = "w", DataType = 1, FloatData = { 5 } });
        Assert.That(constant.Type, Is.EqualTo(new TensorType(ElementType.Float32, Shape.Scalar)));
        Assert.That(constant.Data, Is.EqualTo(BitConverter.GetBytes(5f)));
    }

    [TestCase(new long[] { 3 }, 8, Description = "too short")]
    [TestCase(new long[] { 3 }, 16, Description = "too long")]
    [TestCase(new long[] { 300 }, 1196, Description = "too short in the file")]
    [TestCase(new long[] { 300 }, 1204, Description = "too long in the file")]
    [TestCase(new long[] { 0 }, 4)]
    public void DataOfAnotherLength(long[] dimensions, int bytes)
    {
        TensorProto tensor = new() { Name = "the weight", DataType = 1, Dims = { dimensions }, RawData = ByteString.CopyFrom(new byte[bytes]) };
        Assert.That(() => Read(tensor), Throws.TypeOf<ModelFormatException>().With.Message.Contains("'the weight'"));
    }

    [TestCase(new long[] { -1 })]
    [TestCase(new long[] { 2, -1 })]
    [TestCase(new long[] { 0, -1 })]
    [TestCase(new[] { long.MinValue })]
    [TestCase(new[] { 1L << 62, 4 })]
    [TestCase(new[] { 1L << 62, 1 })]
    [TestCase(new[] { 1L << 33, 1L << 33 })]
    [TestCase(new[] { long.MaxValue, long.MaxValue, 0 }, Description = "no elements, but a size that cannot be")]
    public void ImpossibleShapes(long[] dimensions)
    {
        TensorProto tensor = new() { Name = "the weight", DataType = 1, Dims = { dimensions }, RawData = ByteString.CopyFrom(new byte[4]) };
        Assert.That(() => Read(tensor), Throws.TypeOf<ModelFormatException>().With.Message.Contains("'the weight'"));
    }

    [TestCase(0)]
    [TestCase(8, Description = "text")]
    [TestCase(14, Description = "complex numbers")]
    [TestCase(99)]
    [TestCase(-1)]
    public void OtherElementTypes(int type) =>
        Assert.That(() => Read(new TensorProto { Name = "the weight", DataType = type, Dims = { 1 } }), Throws.TypeOf<ModelFormatException>().With.Message.Contains("'the weight'"));

    private static Constant Read(TensorProto tensor)
    {
        ModelProto model = new ModelBuilder(13).Node("Identity", "w", "y").Output("y", ElementType.Undefined).Build();
        tensor.Name = tensor.Name.Length == 0 ? "w" : tensor.Name;
        model.Graph.Node[0].Input[0] = tensor.Name;
        model.Graph.Initializer.Add(tensor);
        TemporaryFolder folder = new();
        s_folders.Add(folder);
        return Model.Load(folder.Write("m.onnx", model.ToByteArray())).Graph.Nodes[0].Inputs[0]!.Constant!;
    }

    private static readonly List<TemporaryFolder> s_folders = [];

    [TearDown]
    public void DeleteFolders()
    {
        s_folders.ForEach(folder => folder.Dispose());
        s_folders.Clear();
    }

    private static byte[] ReadBytes(Constant constant)
    {
        byte[] bytes = new byte[constant.Location?.Length ?? constant.Data!.Length];
        constant.Read(0, bytes);
        return bytes;
    }

    private static (TensorProto Tensor, byte[] Expected) Typed(ElementType type, int count)
    {
        TensorProto tensor = new() { Name = "w", DataType = (int)type, Dims = { count } };
        List<byte> expected = [];
        for (int i = 0; i < count; i++)
        {
            int value = (type is ElementType.Int8 or ElementType.Int16 or ElementType.Int32 or ElementType.Int64 && i % 2 == 1 ? -1 : 1) * (i % 100);
            switch (type)
            {
                case ElementType.Float32:
                    tensor.FloatData.Add(value);
                    expected.AddRange(BitConverter.GetBytes((float)value));
                    break;
                case ElementType.Float64:
                    tensor.DoubleData.Add(value);
                    expected.AddRange(BitConverter.GetBytes((double)value));
                    break;
                case ElementType.Int64:
                    tensor.Int64Data.Add(value);
                    expected.AddRange(BitConverter.GetBytes((long)value));
                    break;
                case ElementType.UInt64:
                    tensor.Uint64Data.Add((ulong)value);
                    expected.AddRange(BitConverter.GetBytes((ulong)value));
                    break;
                case ElementType.UInt32:
                    tensor.Uint64Data.Add((ulong)value);
                    expected.AddRange(BitConverter.GetBytes((uint)value));
                    break;
                case ElementType.Float16:
                    tensor.Int32Data.Add(BitConverter.HalfToUInt16Bits((Half)value));
                    expected.AddRange(BitConverter.GetBytes((Half)value));
                    break;
                case ElementType.BFloat16:
                    tensor.Int32Data.Add((int)(BitConverter.SingleToUInt32Bits(value) >> 16));
                    expected.AddRange(BitConverter.GetBytes((ushort)(BitConverter.SingleToUInt32Bits(value) >> 16)));
                    break;
                default:
                    value = type == ElementType.Bool ? value % 2 : value;
                    tensor.Int32Data.Add(value);
                    expected.AddRange(BitConverter.GetBytes((long)value)[..type.SizeOf()]);
                    break;
            }
        }

        return (tensor, [.. expected]);
    }
}
