using System.Runtime.InteropServices;
using System.Text;

namespace OnnxStream.Interop.Cli.Tests;

/// <summary>An ONNX file that computes <c>scores/0 = max(0, x · w)</c>, encoded by hand: the tests have no other ONNX writer.</summary>
/// <remarks>
/// <c>x</c> is float[batch,3], <c>w</c> is [[1,-1],[2,-2],[3,-3]], so row [a,b,c] gives [max(0,s), max(0,-s)] with s = a+2b+3c.
/// With more columns these two repeat; from some hundred on the weight is streamed and can be packed. More rows go on as these do.
/// </remarks>
internal static class TinyModel
{
    private const int Float = 1;

    public static string Write(TemporaryFolder folder, string name = "tiny.onnx", string opType = "Relu", int columns = 2, int rows = 3)
    {
        byte[] weight = MemoryMarshal.AsBytes<float>([.. Enumerable.Range(0, rows * columns).Select(i => (i / columns + 1) * (i % 2 == 0 ? 1f : -1f))]).ToArray();
        byte[] graph =
        [
            .. Message(1, Node("MatMul", ["x", "w"], "hidden")),
            .. Message(1, Node(opType, ["hidden"], "scores/0")),
            .. Text(2, "tiny"),
            .. Message(5, [.. Number(1, rows), .. Number(1, columns), .. Number(2, Float), .. Text(8, "w"), .. Message(9, weight)]),
            .. Message(11, Value("x", rows)),
            .. Message(12, Value("scores/0", columns)),
        ];
        byte[] model = [.. Number(1, 8), .. Message(7, graph), .. Message(8, [.. Number(2, 17)])];
        File.WriteAllBytes(folder[name], model);
        return folder[name];
    }

    /// <summary>Writes a row of floats as ONNX does in its test data.</summary>
    public static void WriteTensor(string path, params ReadOnlySpan<float> row) =>
        File.WriteAllBytes(path, [.. Number(1, 1), .. Number(1, row.Length), .. Number(2, Float), .. Message(9, MemoryMarshal.AsBytes(row).ToArray())]);

    private static byte[] Node(string opType, string[] inputs, string output) =>
        [.. inputs.SelectMany(input => Text(1, input)), .. Text(2, output), .. Text(3, $"/{opType}"), .. Text(4, opType)];

    private static byte[] Value(string name, int columns)
    {
        byte[] shape = [.. Message(1, Text(2, "batch")), .. Message(1, Number(1, columns))];
        byte[] tensorType = [.. Number(1, Float), .. Message(2, shape)];
        return [.. Text(1, name), .. Message(2, Message(1, tensorType))];
    }

    // Protobuf: a field is its number and wire type (0 a number, 2 bytes with their length before them), then its value.
    private static byte[] Number(int field, int value) => [.. Varint(field << 3), .. Varint(value)];

    private static byte[] Message(int field, byte[] content) => [.. Varint((field << 3) | 2), .. Varint(content.Length), .. content];

    private static byte[] Text(int field, string text) => Message(field, Encoding.UTF8.GetBytes(text));

    private static byte[] Varint(int value)
    {
        List<byte> bytes = [];
        for (; value > 127; value >>= 7)
        {
            bytes.Add((byte)(value | 128));
        }

        return [.. bytes, (byte)value];
    }
}
