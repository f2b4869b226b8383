using System.Buffers.Binary;
using System.Text;

namespace OnnxStream.Interop.Diffusion.Tests.TinyShapes;

/// <summary>The decoder of the demo model for another size: its file has the sizes in a few places, all of which are known.</summary>
internal static class SizedDecoder
{
    private const int Side = 16, Groups = 8;

    /// <summary>Writes the decoder for latents of <c>[1, 4, side, side]</c>.</summary>
    /// <param name="path">The file.</param>
    /// <param name="side">The side; less than 32, so that a dimension of the picture takes one byte, as in the file.</param>
    public static string Write(string path, int side)
    {
        byte[] file = File.ReadAllBytes(TinyShapesModel.Model("vae_decoder"));

        // Shapes that tensors are given between normalizations and in attention.
        foreach ((int channels, int scale) in ((int, int)[])[(48, 1), (48, 2), (24, 2), (24, 4), (16, 4)])
        {
            Replace(file, Numbers(1, channels, Side * scale, Side * scale), Numbers(1, channels, side * scale, side * scale));
            Replace(file, Numbers(1, Groups, channels / Groups * Side * scale * Side * scale), Numbers(1, Groups, channels / Groups * side * scale * side * scale));
        }

        Replace(file, Numbers(1, 48, Side * Side), Numbers(1, 48, side * side));
        Replace(file, Declared("latent_sample", 4, Side), Declared("latent_sample", 4, side));
        Replace(file, Declared("sample", 3, Side * 4), Declared("sample", 3, side * 4));
        _ = Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, file);
        return path;
    }

    private static byte[] Numbers(params long[] numbers)
    {
        byte[] bytes = new byte[numbers.Length * sizeof(long)];
        for (int i = 0; i < numbers.Length; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(i * sizeof(long)), numbers[i]);
        }

        return bytes;
    }

    // ValueInfoProto: a name, and a type with a shape of four dimensions.
    private static byte[] Declared(string name, int channels, int side) =>
    [
        10, (byte)name.Length, .. Encoding.UTF8.GetBytes(name), 18, 22, 10, 20, 8, 1, 18, 16,
        10, 2, 8, 1, 10, 2, 8, (byte)channels, 10, 2, 8, (byte)side, 10, 2, 8, (byte)side,
    ];

    private static void Replace(byte[] file, byte[] before, byte[] after)
    {
        int at = file.AsSpan().IndexOf(before);
        Assert.That(at, Is.Positive, "the file is not the one that this was written for");
        after.CopyTo(file, at);
    }
}
