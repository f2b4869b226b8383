namespace OnnxStream.Interop.Steps;

/// <summary>A tensor of a plan: a type and the place in a buffer where it lies.</summary>
internal sealed class PlanTensor(string name, TensorType type, PlanBuffer buffer, long offset = 0)
{
    /// <summary>The name of the value, for messages.</summary>
    public string Name { get; } = name;

    /// <summary>Element type and shape.</summary>
    public TensorType Type { get; } = type;

    /// <summary>The dimensions.</summary>
    public Shape Shape => Type.Shape;

    /// <summary>The type of the elements.</summary>
    public ElementType ElementType => Type.ElementType;

    /// <summary>The number of elements.</summary>
    public long ElementCount => Type.Shape.ElementCount;

    /// <summary>The memory that holds it, possibly together with other tensors.</summary>
    public PlanBuffer Buffer => buffer.Actual;

    /// <summary>The first byte, from the start of the buffer.</summary>
    public long Offset => offset + buffer.Start;

    /// <summary>Elements from a row (the last dimension) to the next where the tensor is a stripe of a wider one; 0 where rows lie behind each other.</summary>
    public long StripeStride { get; private init; }

    /// <summary>Elements from a row (the last dimension) to the next.</summary>
    public long RowStride => StripeStride == 0 ? Shape[^1] : StripeStride;

    /// <summary>The bytes from <paramref name="start"/> on under another type.</summary>
    public PlanTensor View(string name, TensorType type, long start = 0) => StripeStride == 0
        ? new(name, type, buffer, offset + start)
        : throw new InvalidOperationException($"{this} is a stripe of a wider tensor.");

    /// <summary>Some columns of each row under another type, whose last dimension counts them.</summary>
    /// <param name="name">The name of the value.</param>
    /// <param name="type">The type.</param>
    /// <param name="first">The first column.</param>
    public PlanTensor Stripe(string name, TensorType type, long first) =>
        new(name, type, buffer, offset + first * type.ElementType.SizeOf()) { StripeStride = StripeStride == 0 ? Shape[^1] : StripeStride };

    /// <summary>Whether another tensor of the same type lies at the same place.</summary>
    public bool IsSameMemory(PlanTensor other) => ReferenceEquals(Buffer, other.Buffer) && Offset == other.Offset && StripeStride == other.StripeStride;

    /// <summary>As in <c>sample: float[1,4,64,64]</c>.</summary>
    public override string ToString() => $"{Name}: {Type}";
}
