namespace OnnxStream.Interop;

/// <summary>What a model declares about one of its inputs or outputs.</summary>
/// <param name="Name">The name, as it stands in the model.</param>
/// <param name="ElementType">The type of the elements; of a sequence, that of the elements of its tensors.</param>
/// <param name="Dimensions">The dimensions, outermost first; null where the model does not even declare how many. Of a sequence, those of each of its tensors.</param>
public sealed record ValueMetadata(string Name, ElementType ElementType, IReadOnlyList<Dimension>? Dimensions)
{
    /// <summary>Whether it is an input with a default value, which a run need not be given. ONNX Runtime calls such inputs overridable initializers.</summary>
    public bool HasDefault { get; init; }

    /// <summary>Whether it is a sequence of tensors (<see cref="TensorSequence"/>): ONNX's <c>seq(…)</c>.</summary>
    public bool IsSequence { get; init; }

    /// <summary>Whether it may have no content, ONNX's <c>optional(…)</c>: such an input may be left out, which the model can ask about, and such an output may be missing.</summary>
    public bool IsOptional { get; init; }

    /// <summary>Whether it is a tensor in every run.</summary>
    internal bool IsTensor => !IsSequence && !IsOptional;

    /// <summary>Whether tensors of the declared dimensions have elements and bytes that 63 bits can count.</summary>
    internal bool IsCountable
    {
        get
        {
            Int128 bytes = Math.Max(1, ElementType.SizeOf());
            foreach (Dimension dimension in Dimensions ?? [])
            {
                bytes = dimension.IsKnown ? Int128.Min(bytes, long.MaxValue + Int128.One) * dimension.Value : bytes;
            }

            return bytes <= long.MaxValue;
        }
    }

    /// <summary>As in <c>sample: float[1,4,height,width]</c>, or <c>boxes: optional(seq(float[4]))</c>.</summary>
    public override string ToString()
    {
        string tensor = $"{ElementType.ToOnnxName()}{(Dimensions is null ? "[…]" : $"[{string.Join(',', Dimensions)}]")}";
        string whole = IsSequence ? $"seq({tensor})" : tensor;
        return $"{Name}: {(IsOptional ? $"optional({whole})" : whole)}";
    }
}
