using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>Converts a weight from the type in which it is stored to the one that is computed with.</summary>
internal sealed unsafe class ConvertWeightKernel(Constant constant) : Kernel
{
    /// <inheritdoc/>
    public override string Name => "convert weight";

    /// <inheritdoc/>
    public override void Run(KernelContext context) => WeightElements.Convert(constant, context.Input(0), new Span<byte>(context.Output(0), checked((int)constant.Type.ByteLength)));
}
