namespace OnnxStream.Interop.Gguf;

/// <summary>A tensor of a GGUF file.</summary>
/// <param name="Name">Its name, such as <c>blk.0.attn_q.weight</c>.</param>
/// <param name="TypeName">How its numbers are stored, in the format's words and small letters, such as <c>q4_0</c>.</param>
/// <param name="Shape">The dimensions, outermost first: the other way round than they stand in the file. A matrix is [outputs, inputs].</param>
/// <param name="Offset">The first byte, from the start of the file.</param>
/// <param name="Length">The bytes.</param>
public sealed record GgufTensor(string Name, string TypeName, Shape Shape, long Offset, long Length)
{
    /// <summary>The stored type.</summary>
    internal ElementType StoredType { get; init; }

    /// <summary>As in <c>output.weight: q6_k[32000,2048]</c>.</summary>
    public override string ToString() => $"{Name}: {TypeName}{Shape}";
}
