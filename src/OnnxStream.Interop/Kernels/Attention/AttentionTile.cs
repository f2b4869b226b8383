using OnnxStream.Interop.Bindings;

namespace OnnxStream.Interop.Kernels;

/// <summary>How keys and values are packed for the native function that computes a tile of queries, and what it needs.</summary>
internal static unsafe class AttentionTile
{
    /// <summary>Keys that lie together, and the multiple of columns that values are filled up to: <c>onnxstream_attention_group</c>.</summary>
    public const int Group = 8;

    /// <summary>The queries that a tile has at most.</summary>
    public static int Rows => (int)Abi.onnxstream_attention_rows();

    /// <summary>The bytes that a tile needs beside its tensors.</summary>
    public static long ScratchBytes(int depth, int valueDepth) => (long)Abi.onnxstream_attention_scratch((nuint)depth, (nuint)valueDepth) * sizeof(float);

    /// <summary>Keys, or columns of values, with those that fill up the last group.</summary>
    public static int Filled(int count) => (count + Group - 1) / Group * Group;

    /// <summary>Packs keys in groups: all first numbers of eight keys, all second ones, and so on. Zeros fill up the last group.</summary>
    /// <param name="keys">The first key.</param>
    /// <param name="stride">Numbers from one key to the next.</param>
    /// <param name="count">How many keys.</param>
    /// <param name="depth">The numbers of a key.</param>
    /// <param name="packed">Receives them.</param>
    public static void PackKeys(float* keys, long stride, int count, int depth, float* packed)
    {
        for (; count > 0; count -= Group, keys += Group * stride, packed += Group * depth)
        {
            int real = Math.Min(Group, count);
            if (real < Group)
            {
                new Span<float>(packed, Group * depth).Clear();
            }

            Abi.onnxstream_transpose((nuint)real, (nuint)depth, keys, (nuint)stride, packed, Group);
        }
    }
}
