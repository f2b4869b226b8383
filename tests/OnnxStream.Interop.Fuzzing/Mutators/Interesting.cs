namespace OnnxStream.Interop.Fuzzing.Mutators;

/// <summary>Numbers and texts at which readers and operators go wrong more often than at others.</summary>
internal static class Interesting
{
    private static readonly long[] s_integers =
    [
        0, 1, -1, 2, -2, 3, -3, 4, 5, 7, 8, 9, 15, 16, 17, 63, 64, 65, 127, 128, 255, 256, 1000, 4096, 65535, 65536, 1 << 20,
        int.MaxValue, int.MinValue, 1L << 31, 1L << 32, (1L << 32) + 1, 1L << 33, 1L << 40, 1L << 62, long.MaxValue, long.MaxValue - 1, long.MinValue, long.MinValue + 1,
    ];

    private static readonly float[] s_floats =
        [0, -0f, 1, -1, 0.5f, 1e-30f, 1e30f, float.MaxValue, float.MinValue, float.Epsilon, float.NaN, float.PositiveInfinity, float.NegativeInfinity, 2, 100, -1000];

    private static readonly string[] s_texts =
    [
        "", " ", "-", ".", "..", "/", "\0", "x", "1", "-1", "nan", "SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET", "constant", "reflect", "edge", "wrap", "nearest", "linear", "cubic",
        "add", "mul", "min", "max", "none", "reverse", "bidirectional", "forward", "ij,jk->ik", "...ii->...i", "->", "iii", "a,b,c", "mean", "sum", "tf_crop_and_resize", "align_corners", "half_pixel",
        "sizes", "Tanh", "Relu", "Affine", "DCR", "CRD", "å\u0301\U0001F600", "\uFFFD", "ai.onnx", "onnxstream",
    ];

    /// <summary>The number of an element type; now and then one that no type has.</summary>
    public static int Type(Random random) => random.Next(0, (int)ElementType.Int2 + 3);

    /// <summary>A whole number; small ones are likelier.</summary>
    public static long Integer(Random random) => random.Next(3) == 0 ? random.Next(-4, 12) : s_integers[random.Next(s_integers.Length)];

    /// <summary>A number.</summary>
    public static float Float(Random random) => random.Next(3) == 0 ? (random.NextSingle() - 0.5f) * 8 : s_floats[random.Next(s_floats.Length)];

    /// <summary>A text; now and then a very long one.</summary>
    public static string Text(Random random) => random.Next(60) == 0 ? new string('n', random.Next(300_000)) : s_texts[random.Next(s_texts.Length)];

    /// <summary>An element of a list.</summary>
    public static T Pick<T>(this Random random, IReadOnlyList<T> list) => list[random.Next(list.Count)];
}
