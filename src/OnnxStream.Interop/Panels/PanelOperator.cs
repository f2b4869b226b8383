using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using static OnnxStream.Interop.Bindings.Xnnpack;

namespace OnnxStream.Interop.Panels;

/// <summary>An XNNPACK operator that is made once and then run with the packed weights that it is pointed to.</summary>
/// <remarks>XNNPACK asks its weights cache for the address each time that the operator is reshaped: that is where it is told of another panel.</remarks>
internal sealed unsafe class PanelOperator : IDisposable
{
    private readonly PanelFormat _format;
    private readonly PanelProduct _product;
    private readonly NativeBuffer _slot;
    private XnnOperatorHandle? _handle;

    private PanelOperator(PanelFormat format, PanelProduct product)
    {
        _format = format;
        _product = product;
        _slot = new NativeBuffer(sizeof(PackedPanelSlot));
        PackedPanelSlot.Reset(Slot, _slot.Pointer, 0);
        PackedPanelSlot.MarkFilled(Slot);
    }

    private PackedPanelSlot* Slot => (PackedPanelSlot*)_slot.Pointer;

    private xnn_operator* Pointer => _handle!.Pointer;

    /// <summary>Makes an operator whose packed weights come later.</summary>
    /// <param name="format">The format of the weights.</param>
    /// <param name="product">What it computes.</param>
    /// <param name="outputs">The number of output channels.</param>
    /// <param name="hasBias">Whether packed weights have biases.</param>
    /// <param name="details">What it is for, for messages.</param>
    public static PanelOperator Create(PanelFormat format, PanelProduct product, int outputs, bool hasBias, string details)
    {
        PanelOperator result = new(format, product);
        try
        {
            // XNNPACK finds the weights in the cache, and reads neither these nor the bias.
            double dummy = 0;
            xnn_operator* created = null;
            xnn_status status = format.Create(product, outputs, &dummy, hasBias ? (float*)&dummy : null, PackedPanelSlot.Provider(result.Slot), &created);
            XnnpackLibrary.CheckCreated(status, created, format.FunctionName(product), details);
            result._handle = new XnnOperatorHandle(created);
            return result;
        }
        catch
        {
            result.Dispose();
            throw;
        }
    }

    /// <summary>Computes with the weights at this address from the next run on.</summary>
    public void PointTo(byte* packed) => PackedPanelSlot.PointTo(Slot, packed);

    /// <summary>Prepares for a number of rows.</summary>
    /// <param name="rows">Rows of data. A convolution computes all of its input.</param>
    /// <param name="threads">The threads that will run it; null for the calling one.</param>
    /// <param name="node">The node, for messages.</param>
    /// <returns>The size of the workspace in bytes.</returns>
    public long Reshape(long rows, Pthreadpool* threads, string node)
    {
        nuint workspaceBytes;
        XnnpackLibrary.Check(_format.Reshape(_product, Pointer, rows, &workspaceBytes, threads), _format.FunctionName(_product), node);
        return (long)workspaceBytes;
    }

    /// <summary>Computes rows.</summary>
    /// <param name="rows">Rows of data. A convolution computes all of its input.</param>
    /// <param name="workspace">Memory of the size that <see cref="Reshape"/> returns.</param>
    /// <param name="data">All rows of data, as <see cref="PanelFormat.Convert"/> made them.</param>
    /// <param name="firstRow">The first row to compute.</param>
    /// <param name="results">The first result of that row.</param>
    /// <param name="threads">The threads; null for the calling one.</param>
    /// <param name="node">The node, for messages.</param>
    public void Run(long rows, byte* workspace, byte* data, long firstRow, byte* results, Pthreadpool* threads, string node)
    {
        Reshape(rows, threads, node);
        XnnpackLibrary.Check(_format.Setup(_product, Pointer, workspace, data, firstRow, results), _format.FunctionName(_product), node);
        XnnpackLibrary.Check(xnn_run_operator(Pointer, threads), nameof(xnn_run_operator), node);
    }

    /// <summary>Multiplies rows with packed weights, on the calling thread. For products of matrices.</summary>
    public void Multiply(byte* packed, int rows, float* input, float* output, string node)
    {
        PointTo(packed);
        Run(rows, null, (byte*)input, 0, (byte*)output, null, node);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _handle?.Dispose();
        _slot.Dispose();
    }
}
