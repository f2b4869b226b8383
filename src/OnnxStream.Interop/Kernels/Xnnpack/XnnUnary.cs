using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using static OnnxStream.Interop.Bindings.Xnnpack;

namespace OnnxStream.Interop.Kernels;

/// <summary>Element by element, one single-precision tensor: one output of the same shape.</summary>
internal sealed unsafe class XnnUnary : XnnKernel
{
    private readonly xnn_unary_operator _type;

    /// <summary>Makes the kernel.</summary>
    /// <param name="type">What to compute.</param>
    /// <param name="elementCount">The number of elements.</param>
    /// <param name="workers">The threads.</param>
    public XnnUnary(xnn_unary_operator type, long elementCount, WorkerPool workers)
    {
        _type = type;
        Operations = elementCount;
        xnn_operator* created = null;
        Own(xnn_create_unary_elementwise_nc(type, xnn_datatype.xnn_datatype_fp32, xnn_datatype.xnn_datatype_fp32, null, null, null, 0, &created), created, nameof(xnn_create_unary_elementwise_nc), type.ToString());
        Reshaped(xnn_reshape_unary_elementwise_nc(created, (nuint)elementCount, 1, 1, 1, workers.For(Operations)), nameof(xnn_reshape_unary_elementwise_nc), type.ToString());
    }

    /// <inheritdoc/>
    protected override long Operations { get; }

    /// <inheritdoc/>
    public override string Name => _type.ToString();

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => true;

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        XnnpackLibrary.Check(xnn_setup_unary_elementwise_nc(Operator, context.Input(0), context.Output(0)), nameof(xnn_setup_unary_elementwise_nc), context.Call.NodeName);
        RunOperator(context);
    }
}
