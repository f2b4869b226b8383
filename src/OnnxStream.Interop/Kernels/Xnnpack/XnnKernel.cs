using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Kernels;

/// <summary>A kernel that is one XNNPACK operator: created and reshaped with the plan, set up and run at each run.</summary>
internal abstract unsafe class XnnKernel : Kernel
{
    private XnnOperatorHandle? _operator;
    private nuint _workspaceBytes;

    /// <inheritdoc/>
    public override long ScratchBytes => (long)_workspaceBytes;

    /// <summary>The operator.</summary>
    protected xnn_operator* Operator => _operator!.Pointer;

    /// <summary>Takes over what a create function made, after checking its status.</summary>
    protected void Own(xnn_status status, xnn_operator* created, string function, string details)
    {
        XnnpackLibrary.CheckCreated(status, created, function, details);
        _operator = new XnnOperatorHandle(created);
    }

    /// <summary>Notes the workspace that a reshape function asked for, after checking its status.</summary>
    protected void Reshaped(xnn_status status, string function, string details, nuint workspaceBytes = 0)
    {
        if (status != xnn_status.xnn_status_success)
        {
            Dispose();
        }

        XnnpackLibrary.Check(status, function, details);
        _workspaceBytes = workspaceBytes;
    }

    /// <summary>About how many elements or multiplications the operator has: decides whether threads share it.</summary>
    protected abstract long Operations { get; }

    /// <summary>Runs the operator, which has been set up.</summary>
    protected void RunOperator(KernelContext context) =>
        XnnpackLibrary.Check(Bindings.Xnnpack.xnn_run_operator(Operator, context.Workers.For(Operations)), nameof(Bindings.Xnnpack.xnn_run_operator), context.Call.NodeName);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _operator?.Dispose();
        base.Dispose(disposing);
    }
}
