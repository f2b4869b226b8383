using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using static OnnxStream.Interop.Bindings.Xnnpack;

namespace OnnxStream.Interop.Kernels;

/// <summary>Rounds single precision to half, to the nearest, ties to even: with one instruction for a vector where the processor has it, which .NET does not offer.</summary>
internal sealed unsafe class XnnConvert : XnnKernel
{
    /// <summary>Makes the kernel.</summary>
    /// <param name="elementCount">The number of elements, at least 1.</param>
    /// <param name="workers">The threads.</param>
    public XnnConvert(long elementCount, WorkerPool workers)
    {
        Operations = elementCount;
        string details = $"float to half, {elementCount} elements";
        xnn_operator* created = null;
        Own(
            xnn_create_unary_elementwise_nc(xnn_unary_operator.xnn_unary_convert, xnn_datatype.xnn_datatype_fp32, xnn_datatype.xnn_datatype_fp16, null, null, null, 0, &created),
            created, nameof(xnn_create_unary_elementwise_nc), details);
        nuint count = (nuint)elementCount;
        Reshaped(xnn_reshape_unary_elementwise_nc(created, 1, count, count, count, workers.For(Operations)), nameof(xnn_reshape_unary_elementwise_nc), details);
    }

    /// <inheritdoc/>
    protected override long Operations { get; }

    /// <inheritdoc/>
    public override string Name => "cast";

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        XnnpackLibrary.Check(xnn_setup_unary_elementwise_nc(Operator, context.Input(0), context.Output(0)), nameof(xnn_setup_unary_elementwise_nc), context.Call.NodeName);
        RunOperator(context);
    }
}
