using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace OnnxStream.Interop.Diffusion.Tests.TinyShapes;

/// <summary>Reads arrays in NumPy's format, version 1: little-endian, in C order.</summary>
internal static partial class NpyFile
{
    public static TensorBuffer Read(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        int headerLength = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(8));
        string header = Encoding.ASCII.GetString(bytes, 10, headerLength);
        Match match = Header().Match(header);
        Assert.That(match.Success && bytes[0] == 0x93 && bytes[6] == 1, $"{path}: {header}");
        long[] dimensions = [.. match.Groups["shape"].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(long.Parse)];
        ReadOnlySpan<byte> data = bytes.AsSpan(10 + headerLength);
        return match.Groups["type"].Value switch
        {
            "<f4" => TensorBuffer.Create(MemoryMarshal.Cast<byte, float>(data), dimensions),
            "<i8" => TensorBuffer.Create(MemoryMarshal.Cast<byte, long>(data), dimensions),
            "|u1" => TensorBuffer.Create(data, dimensions),
            string type => throw new NotSupportedException($"{path}: elements of type {type}"),
        };
    }

    [GeneratedRegex(@"'descr': '(?<type>[^']+)', 'fortran_order': False, 'shape': \((?<shape>[^)]*)\)")]
    private static partial Regex Header();
}
