using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>Gives each element of a weight, of which several share a byte of its file, a byte of its own.</summary>
internal sealed unsafe class UnpackWeightKernel(Constant constant) : RowKernel(constant.Type.PackedByteLength, 1 + constant.StoredType.PerByte())
{
    private readonly ElementType _type = constant.StoredType;
    private readonly long _count = constant.Type.Shape.ElementCount;

    /// <inheritdoc/>
    public override string Name => "unpack weight";

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        long start = first * _type.PerByte();
        PackedElements.Unpack(_type, new ReadOnlySpan<byte>(context.Input(0) + first, (int)(end - first)), new Span<byte>(context.Output(0) + start, (int)Math.Min(_count - start, (end - first) * _type.PerByte())));
    }
}
