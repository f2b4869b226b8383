using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using static OnnxStream.Interop.Bindings.Xnnpack;

namespace OnnxStream.Interop.Kernels;

/// <summary>Softmax over the innermost dimension of a single-precision tensor.</summary>
internal sealed unsafe class XnnSoftmax : XnnKernel
{
    /// <summary>Makes the kernel for <paramref name="rows"/> rows of <paramref name="channels"/> elements.</summary>
    public XnnSoftmax(long rows, long channels, WorkerPool workers)
    {
        Operations = rows * channels;
        string details = $"[{rows},{channels}]";
        xnn_operator* created = null;
        Own(xnn_create_softmax_nc_f32(0, &created), created, nameof(xnn_create_softmax_nc_f32), details);
        Reshaped(xnn_reshape_softmax_nc_f32(created, (nuint)channels, (nuint)channels, (nuint)channels, (nuint)rows, workers.For(Operations)), nameof(xnn_reshape_softmax_nc_f32), details);
    }

    /// <inheritdoc/>
    protected override long Operations { get; }

    /// <inheritdoc/>
    public override string Name => "xnn softmax";

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => true;

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        XnnpackLibrary.Check(xnn_setup_softmax_nc_f32(Operator, (float*)context.Input(0), (float*)context.Output(0)), nameof(xnn_setup_softmax_nc_f32), context.Call.NodeName);
        RunOperator(context);
    }
}
