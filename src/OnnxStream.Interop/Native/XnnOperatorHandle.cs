using System.Runtime.InteropServices;
using OnnxStream.Interop.Bindings;

namespace OnnxStream.Interop.Native;

/// <summary>Owns an XNNPACK operator.</summary>
internal sealed unsafe class XnnOperatorHandle : SafeHandle
{
    /// <summary>Takes ownership of <paramref name="pointer"/>.</summary>
    public XnnOperatorHandle(xnn_operator* pointer)
        : base(0, ownsHandle: true) => SetHandle((nint)pointer);

    /// <summary>The operator. Valid until the handle is disposed.</summary>
    public xnn_operator* Pointer => (xnn_operator*)handle;

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <inheritdoc/>
    protected override bool ReleaseHandle() =>
        Xnnpack.xnn_delete_operator((xnn_operator*)handle) == xnn_status.xnn_status_success;
}
