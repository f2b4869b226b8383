using System.Runtime.InteropServices;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Tests.Tensors;

/// <summary>Blocks stand for the numbers that a program written from the format's description says (Tables/blocks.py), to the last bit.</summary>
public class BlockEncodingTests
{
    private static readonly string[] s_names = ["q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q4_k", "q5_k", "q6_k"];

    [TestCaseSource(nameof(s_names))]
    public unsafe void NumbersAreThoseOfTheDescription(string name)
    {
        (BlockEncoding encoding, byte[] blocks, float[] expected) = Read(name);
        Assert.That(encoding.BytesOf(expected.Length), Is.EqualTo(blocks.Length));
        float[] numbers = new float[expected.Length];
        fixed (byte* source = blocks)
        {
            encoding.Expand(source, numbers);
        }

        Assert.That(numbers, Is.EqualTo(expected));
    }

    [TestCaseSource(nameof(s_names))]
    public unsafe void PartsMakeTheSameNumbers(string name)
    {
        (BlockEncoding encoding, byte[] blocks, float[] expected) = Read(name);
        int count = blocks.Length / encoding.Bytes;
        byte[] integers = new byte[expected.Length];
        float[] scales = new float[expected.Length / encoding.ScaleElements];
        float[] offsets = new float[scales.Length];
        fixed (byte* source = blocks, target = integers)
        {
            fixed (float* scale = scales, offset = offsets)
            {
                encoding.Split(source, count, target, scale, offset);
            }
        }

        for (int i = 0; i < expected.Length; i++)
        {
            int block = i / 32 * 16;
            int integer = encoding.Integers == ElementType.Int8 ? (sbyte)integers[i] : i % 32 < 16 ? integers[block + i % 32] & 15 : integers[block + i % 32 - 16] >> 4;
            float number = (integer - encoding.ZeroPoint) * scales[i / encoding.ScaleElements];
            Assert.That(encoding.HasOffsets ? number + offsets[i / encoding.ScaleElements] : number, Is.EqualTo(expected[i]), $"{i}");
        }
    }

    [Test]
    public void AnEncodingIsFoundByItsType()
    {
        Assert.That(BlockEncoding.All.Select(encoding => BlockEncoding.Find(encoding.Type)), Is.EqualTo(BlockEncoding.All));
        Assert.That(BlockEncoding.All.Select(encoding => encoding.Type.ToOnnxName()), Is.EquivalentTo(s_names));
        Assert.That(BlockEncoding.Find(ElementType.Float32), Is.Null);
        Assert.That(BlockEncoding.Find(ElementTypes.Blocks), Is.Null);
    }

    private static (BlockEncoding Encoding, byte[] Blocks, float[] Numbers) Read(string name)
    {
        string[] parts = File.ReadLines(Path.Combine(TestContext.CurrentContext.TestDirectory, "Tensors", "Encodings", "Tables", "blocks.txt")).Select(line => line.Split(' ')).Single(parts => parts[0] == name);
        return (BlockEncoding.All.Single(encoding => encoding.Name == name), Convert.FromHexString(parts[1]), MemoryMarshal.Cast<byte, float>(Convert.FromHexString(parts[2])).ToArray());
    }
}
