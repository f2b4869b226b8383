using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>Converts elements to another type (<see cref="ElementConversion"/>).</summary>
/// <param name="from">The type of the input.</param>
/// <param name="to">The type of the output.</param>
/// <param name="elementCount">The number of elements.</param>
/// <param name="rounding">How numbers become narrow floats.</param>
internal sealed unsafe class CastKernel(ElementType from, ElementType to, long elementCount, NarrowRounding rounding = default) : RowKernel(elementCount, Math.Max(from.SizeOf(), to.SizeOf()))
{
    /// <inheritdoc/>
    public override string Name => "cast";

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => from.SizeOf() == to.SizeOf();

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end) =>
        ElementConversion.Convert(from, context.Input(0) + first * from.SizeOf(), to, context.Output(0) + first * to.SizeOf(), end - first, rounding);
}
