using System.Buffers.Binary;
using System.Text;

namespace OnnxStream.Interop.Pipelines.Tests;

public class SafetensorsFileTests
{
    private string _path = "";

    [SetUp]
    public void Name() => _path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());

    [TearDown]
    public void Delete() => File.Delete(_path);

    [Test]
    public void Tensors_are_read_in_single_precision()
    {
        byte[] data = [.. BitConverter.GetBytes(1.5f), .. BitConverter.GetBytes((Half)(-2)), 0x40, 0x40, .. BitConverter.GetBytes(0.25)];
        Write("""{"__metadata__": {"format": "pt"}, "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "b": {"dtype": "F16", "shape": [], "data_offsets": [4, 6]}, "c": {"dtype": "BF16", "shape": [1, 1], "data_offsets": [6, 8]}, "d": {"dtype": "F64", "shape": [1], "data_offsets": [8, 16]}, "e": {"dtype": "F8_E4M3", "shape": [16], "data_offsets": [0, 16]}, "f": {"dtype": "F32", "shape": [0, 7], "data_offsets": [16, 16]}}""", data);
        SafetensorsFile file = SafetensorsFile.Open(_path);
        Assert.Multiple(() =>
        {
            Assert.That(file.Metadata["format"], Is.EqualTo("pt"));
            Assert.That("abcd".Select(name => file.ReadSingles(file.Tensors[name.ToString()]).Single()), Is.EqualTo(new[] { 1.5f, -2, 3, 0.25f }));
            Assert.That(file.ReadSingles(file.Tensors["f"]), Is.Empty);
            Assert.That(() => file.ReadSingles(file.Tensors["e"]), Throws.TypeOf<ModelFormatException>().With.Message.Contains("F8_E4M3"));
        });
    }

    [TestCase("""{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}""", "takes 8 bytes, and has 4")]
    [TestCase("""{"a": {"dtype": "F32", "shape": [2], "data_offsets": [12, 20]}}""", "to 20 of the data")]
    [TestCase("""{"a": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}}""", "-4")]
    [TestCase("""{"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}""", "to 0")]
    [TestCase("""{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}""", "impossible shape")]
    [TestCase("""{"a": {"dtype": "F32", "shape": [4294967296, 4294967296, 4294967296], "data_offsets": [0, 4]}}""", "impossible shape")]
    [TestCase("""{"a": {"dtype": "F32", "shape": [1,1,1,1,1,1,1,1,1], "data_offsets": [0, 4]}}""", "9 dimensions")]
    [TestCase("""{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0]}}""", "1 offsets")]
    [TestCase("""{"a": {"dtype": "F32", "shape": [1.5], "data_offsets": [0, 4]}}""", "header")]
    [TestCase("""{"a": {"shape": [1], "data_offsets": [0, 4]}}""", "header")]
    [TestCase("""{"a": 3}""", "header")]
    [TestCase("""[]""", "header")]
    [TestCase("""{"a": """, "header")]
    [TestCase("""{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}""", "twice")]
    public void What_a_header_says_is_not_believed(string header, string expected)
    {
        Write(header, new byte[16]);
        Assert.That(() => SafetensorsFile.Open(_path), Throws.TypeOf<ModelFormatException>().With.Message.Contains(expected));
    }

    [Test]
    public void Files_that_are_none()
    {
        File.WriteAllBytes(_path, [1, 2, 3]);
        Assert.That(() => SafetensorsFile.Open(_path), Throws.TypeOf<ModelFormatException>().With.Message.Contains("3 bytes"));
        File.WriteAllBytes(_path, [.. Enumerable.Repeat((byte)0xFF, 40)]);
        Assert.That(() => SafetensorsFile.Open(_path), Throws.TypeOf<ModelFormatException>().With.Message.Contains("announced"));
        Assert.That(() => SafetensorsFile.Open(_path + "x"), Throws.TypeOf<FileNotFoundException>());
    }

    [Test]
    public void Mutated_files_are_read_or_refused()
    {
        Write("""{"a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}, "b": {"dtype": "F16", "shape": [8], "data_offsets": [0, 16]}}""", new byte[16]);
        byte[] whole = File.ReadAllBytes(_path);
        Random random = new(7);
        for (int i = 0; i < 500; i++)
        {
            byte[] mutated = [.. whole];
            for (int change = random.Next(1, 4); change > 0; change--)
            {
                mutated[random.Next(mutated.Length)] = (byte)random.Next(256);
            }

            File.WriteAllBytes(_path, random.Next(4) == 0 ? mutated[..random.Next(mutated.Length)] : mutated);
            try
            {
                SafetensorsFile file = SafetensorsFile.Open(_path);
                foreach (SafetensorsTensor tensor in file.Tensors.Values.Where(tensor => tensor.ElementType is ElementType.Float32 or ElementType.Float16))
                {
                    _ = file.ReadSingles(tensor);
                }
            }
            catch (ModelFormatException)
            {
            }
        }
    }

    private void Write(string header, byte[] data)
    {
        byte[] text = Encoding.UTF8.GetBytes(header), length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        File.WriteAllBytes(_path, [.. length, .. text, .. data]);
    }
}
