using System.Buffers.Binary;
using System.Text;
using CsCheck;
using OnnxStream.Interop.Cli.Tensors;

namespace OnnxStream.Interop.Cli.Tests.Tensors;

internal sealed class NpyFileTests
{
    private static readonly ElementType[] ElementTypes =
        [.. Enum.GetValues<ElementType>().Where(type => type.SizeOf() > 0)];

    private static readonly long[][] Shapes =
        [[], [0], [1], [7], [3, 0, 2], [2, 3], [1, 1, 1, 1], [5, 1, 3], [2, 3, 4, 5], [2, 1, 3, 1, 2, 2], [100_000]];

    [Test]
    public void Round_trips_every_type_and_shape(
        [ValueSource(nameof(ElementTypes))] ElementType type, [ValueSource(nameof(Shapes))] long[] dimensions)
    {
        TensorBuffer tensor = Counting(type, dimensions);
        using MemoryStream stream = new();
        NpyFile.Write(stream, tensor);
        stream.Position = 0;
        TensorBuffer read = NpyFile.Read(stream, "x.npy");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(read.Type, Is.EqualTo(tensor.Type));
            Assert.That(read.Bytes.SequenceEqual(tensor.Bytes), Is.True);
        }
    }

    [Test]
    public void Round_trips_arbitrary_shapes()
    {
        Gen.Select(Gen.Int[0, ElementTypes.Length - 1].Select(index => ElementTypes[index]), Gen.Long[0, 5].Array[0, 6]).Sample((type, dimensions) =>
        {
            TensorBuffer tensor = Counting(type, dimensions);
            using MemoryStream stream = new();
            NpyFile.Write(stream, tensor);
            stream.Position = 0;
            TensorBuffer read = NpyFile.Read(stream, "x.npy");
            return read.Type == tensor.Type && read.Bytes.SequenceEqual(tensor.Bytes);
        });
    }

    [Test]
    public void Writes_what_NumPy_writes()
    {
        // numpy.save(f, numpy.arange(3, dtype="float32")), byte for byte.
        const string Text = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }";
        byte[] expected = [0x93, .. "NUMPY"u8, 1, 0, 118, 0, .. Encoding.ASCII.GetBytes(Text.PadRight(117) + '\n'), 0, 0, 0, 0, 0, 0, 0x80, 0x3F, 0, 0, 0, 0x40];
        using MemoryStream stream = new();
        NpyFile.Write(stream, TensorBuffer.Create<float>([0, 1, 2], 3));
        Assert.That(stream.ToArray(), Is.EqualTo(expected));
    }

    [TestCase("()", new long[0])]
    [TestCase("(5,)", new long[] { 5 })]
    [TestCase("(2, 3)", new long[] { 2, 3 })]
    public void Writes_shapes_as_Python_tuples(string tuple, long[] dimensions)
    {
        using MemoryStream stream = new();
        NpyFile.Write(stream, new TensorBuffer(ElementType.UInt8, new Shape(dimensions)));
        string text = Encoding.Latin1.GetString(stream.ToArray());
        Assert.That(text, Does.Contain($"'descr': '|u1', 'fortran_order': False, 'shape': {tuple}, }}"));
    }

    [TestCase(ElementType.Float8E4M3FN, "float8_e4m3fn")]
    [TestCase(ElementType.Float8E4M3FNUZ, "float8_e4m3fnuz")]
    [TestCase(ElementType.Float8E5M2, "float8_e5m2")]
    [TestCase(ElementType.Float8E5M2FNUZ, "float8_e5m2fnuz")]
    [TestCase(ElementType.Float8E8M0, "float8_e8m0fnu")]
    [TestCase(ElementType.Float4E2M1, "float4_e2m1fn")]
    [TestCase(ElementType.Int4, "int4")]
    [TestCase(ElementType.UInt4, "uint4")]
    [TestCase(ElementType.Int2, "int2")]
    [TestCase(ElementType.UInt2, "uint2")]
    public void Names_types_as_ml_dtypes_does(ElementType type, string name)
    {
        TensorBuffer tensor = TensorBuffer.Create<float>([1, 0, 1], 3).ConvertTo(type);
        using MemoryStream stream = new();
        NpyFile.Write(stream, tensor);
        Assert.That(Encoding.Latin1.GetString(stream.ToArray()), Does.Contain($"'descr': '{name}', 'fortran_order': False, 'shape': (3,), }}"));
        Assert.That(Read(File_($"{{'descr': '{name}', 'fortran_order': False, 'shape': (3,)}}", tensor.Bytes.ToArray())).Type, Is.EqualTo(tensor.Type));
    }

    [Test]
    public void Refuses_bytes_that_are_no_elements()
    {
        byte[] file = File_("{'descr': 'int4', 'fortran_order': False, 'shape': (3,)}", [7, 0xF8, 8]);
        Assert.That(() => Read(file), Throws.TypeOf<ModelFormatException>().With.Message.Contains("element 2").And.Message.Contains("int4"));
    }

    [Test]
    public void Bytes_become_what_the_model_declares([Values("|u1", "|i1", "|V1")] string descr)
    {
        string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid()}.npy");
        File.WriteAllBytes(path, File_($"{{'descr': '{descr}', 'fortran_order': False, 'shape': (2,)}}", [1, 7]));
        try
        {
            TensorBuffer tensor = TensorFile.Load(path, ElementType.Float8E5M2);
            using (Assert.EnterMultipleScope())
            {
                Assert.That(tensor.ElementType, Is.EqualTo(ElementType.Float8E5M2));
                Assert.That(tensor.Bytes.ToArray(), Is.EqualTo(new byte[] { 1, 7 }));
                Assert.That(TensorFile.Load(path, ElementType.Float32).ElementType.SizeOf(), Is.EqualTo(1), "nothing else is converted");
                Assert.That(TensorFile.Load(path, ElementType.Float32).ElementType.IsNarrow(), Is.False);
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    public void Reads_every_version(int version)
    {
        byte[] file = File_("{'descr': '<i2', 'fortran_order': False, 'shape': (2, 2), }", [1, 0, 2, 0, 3, 0, 4, 0], version);
        TensorBuffer tensor = Read(file);
        Assert.That(tensor.Span<short>().ToArray(), Is.EqualTo(new short[] { 1, 2, 3, 4 }));
    }

    [TestCase("'<u1'")]
    [TestCase("'>u1'")]
    [TestCase("'|u1'")]
    [TestCase("'=u1'")]
    [TestCase("'u1'")]
    [TestCase("\"|u1\"")]
    public void Reads_every_spelling_of_a_type(string descr)
    {
        TensorBuffer tensor = Read(File_($"{{'descr': {descr}, 'fortran_order': False, 'shape': (2,)}}", [7, 9]));
        Assert.That(tensor.Span<byte>().ToArray(), Is.EqualTo(new byte[] { 7, 9 }));
    }

    [Test]
    public void Reads_keys_in_any_order_without_spaces()
    {
        TensorBuffer tensor = Read(File_("{'shape':(1,2),'descr':'|b1','fortran_order':False}", [0, 1]));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(tensor.ElementType, Is.EqualTo(ElementType.Bool));
            Assert.That(tensor.Shape, Is.EqualTo(new Shape(1, 2)));
        }
    }

    [Test]
    public void Reads_big_endian()
    {
        byte[] data = new byte[16];
        BinaryPrimitives.WriteDoubleBigEndian(data, 1.5);
        BinaryPrimitives.WriteDoubleBigEndian(data.AsSpan(8), -2e100);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Read(File_("{'descr': '>f8', 'fortran_order': False, 'shape': (2,), }", data)).Span<double>().ToArray(), Is.EqualTo(new[] { 1.5, -2e100 }));
            Assert.That(Read(File_("{'descr': '>i4', 'fortran_order': False, 'shape': (), }", [0, 0, 1, 2])).Span<int>().ToArray(), Is.EqualTo(new[] { 258 }));
            Assert.That(Read(File_("{'descr': '>u2', 'fortran_order': False, 'shape': (1,), }", [1, 2])).Span<ushort>().ToArray(), Is.EqualTo(new ushort[] { 258 }));
        }
    }

    [Test]
    public void Reads_Fortran_order()
    {
        // Element [i, j, k] is 100 i + 10 j + k; in Fortran order i runs fastest.
        List<short> columnMajor = [];
        List<short> rowMajor = [];
        for (int k = 0; k < 4; k++)
        {
            for (int j = 0; j < 3; j++)
            {
                for (int i = 0; i < 2; i++)
                {
                    columnMajor.Add((short)((100 * i) + (10 * j) + k));
                }
            }
        }

        for (int i = 0; i < 2; i++)
        {
            for (int j = 0; j < 3; j++)
            {
                for (int k = 0; k < 4; k++)
                {
                    rowMajor.Add((short)((100 * i) + (10 * j) + k));
                }
            }
        }

        byte[] data = [.. columnMajor.SelectMany(BitConverter.GetBytes)];
        TensorBuffer tensor = Read(File_("{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3, 4), }", data));
        Assert.That(tensor.Span<short>().ToArray(), Is.EqualTo(rowMajor));
    }

    [Test]
    public void Reads_Fortran_order_of_every_type([ValueSource(nameof(ElementTypes))] ElementType type)
    {
        TensorBuffer expected = Counting(type, [3, 2]);
        int size = type.SizeOf();
        byte[] columnMajor = [.. new[] { 0, 2, 4, 1, 3, 5 }.SelectMany(i => expected.Bytes.Slice(i * size, size).ToArray())];
        using MemoryStream header = new();
        new NpyHeader(expected.Type, IsFortranOrder: true, IsBigEndian: !BitConverter.IsLittleEndian).Write(header);
        TensorBuffer read = Read([.. header.ToArray(), .. columnMajor]);
        Assert.That(read.Bytes.ToArray(), Is.EqualTo(expected.Bytes.ToArray()));
    }

    [TestCase("", "begins with 93 4E 55 4D 50 59", "nothing")]
    [TestCase("PK\u0003\u0004 this is an npz", "begins with", "504B0304")]
    [TestCase("\u0093NUMPY\u0007\0", "version 7.0")]
    [TestCase("\u0093NUMPY\u0001\0", "ends at byte 8")]
    [TestCase("\u0093NUMPY\u0001\0\u00FF\u00FF{", "ends at byte 11")]
    [TestCase("\u0093NUMPY\u0002\0\u00FF\u00FF\u00FF\u00FF{", "4,294,967,295 bytes long")]
    public void Refuses_what_is_no_header(string start, params string[] parts) =>
        AssertRefused(Encoding.Latin1.GetBytes(start), parts);

    [TestCase("", "expected '{'")]
    [TestCase("{}", "is missing")]
    [TestCase("{'descr': '<f4', 'shape': (1,)}", "is missing")]
    [TestCase("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", "'descr' was found")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'extra': 1}", "'extra' was found")]
    [TestCase("{'descr': [('a', '<f4'), ('b', '<i4')], 'fortran_order': False, 'shape': (1,)}", "several fields")]
    [TestCase("{'descr': '<f4, 'fortran_order': False, 'shape': (1,)}", "malformed")]
    [TestCase("{'descr': '<f4', 'fortran_order': false, 'shape': (1,)}", "True or False")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "a number from 0")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (1.5,)}", "expected ')'")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': 3}", "expected '('")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999999999999999,)}", "a number from 0")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 9223372036854775807)}", "more elements than")]
    [TestCase("{'descr': '<f8', 'fortran_order': False, 'shape': (9223372036854775807,)}", "more elements than")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)", "expected '}'")]
    [TestCase("{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", "'<c8' are not supported", "f4, f8")]
    [TestCase("{'descr': '<U3', 'fortran_order': False, 'shape': (1,)}", "'<U3' are not supported")]
    [TestCase("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "'|O' are not supported")]
    [TestCase("{'descr': '', 'fortran_order': False, 'shape': (1,)}", "'' are not supported")]
    public void Refuses_malformed_headers(string text, params string[] parts) =>
        AssertRefused(File_(text, new byte[4]), parts);

    [TestCase(3, "float[1] takes 4 bytes, but 3 follow the header at byte 128")]
    [TestCase(5, "float[1] takes 4 bytes, but 5 follow")]
    [TestCase(0, "but 0 follow")]
    public void Refuses_too_few_or_too_many_elements(int length, string part) =>
        AssertRefused(File_("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", new byte[length]), part);

    [Test]
    public void Refuses_a_shape_of_terabytes_without_allocating_it() =>
        AssertRefused(File_("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000), }", new byte[4]), "4,000,000,000,000 bytes");

    [Test]
    public void Refuses_a_rank_that_NumPy_cannot_have() =>
        AssertRefused(File_($"{{'descr': '|u1', 'fortran_order': False, 'shape': ({string.Join(", ", Enumerable.Repeat(1, 65))}), }}", [1]), "limit of 64");

    [Test]
    public void Refuses_a_truth_value_that_is_none() =>
        AssertRefused(File_("{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }", [0, 1, 2]), "element 2 is 2");

    [Test]
    public void Damaged_files_never_cause_another_exception()
    {
        byte[] whole = File_("{'descr': '<i2', 'fortran_order': True, 'shape': (2, 2), }", [1, 0, 2, 0, 3, 0, 4, 0]);
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte, Gen.Int[0, whole.Length]).Sample((index, value, length) =>
        {
            byte[] damaged = whole[..length];
            if (index < length)
            {
                damaged[index] = value;
            }

            try
            {
                Read(damaged);
            }
            catch (ModelFormatException)
            {
            }
        });
    }

    [Test]
    public void Save_replaces_a_file_and_leaves_nothing_beside_it()
    {
        using TemporaryFolder folder = new();
        string path = folder["x.npy"];
        File.WriteAllText(path, "old");
        NpyFile.Save(path, TensorBuffer.Create<long>([1, -2], 2));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(NpyFile.Load(path).Span<long>().ToArray(), Is.EqualTo(new long[] { 1, -2 }));
            Assert.That(Directory.GetFiles(folder.Path), Is.EqualTo(new[] { path }));
        }
    }

    [Test]
    public void Errors_name_the_file()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder["x.npy"], "nonsense");
        ModelFormatException exception = Assert.Throws<ModelFormatException>(() => NpyFile.Load(folder["x.npy"]))!;
        Assert.That(exception.Path, Is.EqualTo(folder["x.npy"]));
    }

    private static void AssertRefused(byte[] file, params string[] parts)
    {
        ModelFormatException exception = Assert.Throws<ModelFormatException>(() => Read(file))!;
        Assert.That(exception.Message, Does.StartWith("x.npy: "));
        foreach (string part in parts)
        {
            Assert.That(exception.Message, Does.Contain(part));
        }
    }

    private static TensorBuffer Read(byte[] file)
    {
        using MemoryStream stream = new(file);
        return NpyFile.Read(stream, "x.npy");
    }

    private static byte[] File_(string header, byte[] data, int version = 1)
    {
        int prefix = version == 1 ? 10 : 12;
        string text = header.PadRight((((prefix + header.Length + 1 + 63) / 64) * 64) - prefix - 1) + '\n';
        byte[] length = BitConverter.GetBytes(text.Length)[..(prefix - 8)];
        return [0x93, .. "NUMPY"u8, (byte)version, 0, .. length, .. Encoding.UTF8.GetBytes(text), .. data];
    }

    private static TensorBuffer Counting(ElementType type, ReadOnlySpan<long> dimensions)
    {
        TensorBuffer tensor = new(type, new Shape(dimensions));
        for (int i = 0; i < tensor.Bytes.Length; i++)
        {
            tensor.Bytes[i] = (byte)(type == ElementType.Bool || type.PerByte() > 1 ? i % 2 : (i * 31) + 7);
        }

        return tensor;
    }
}
