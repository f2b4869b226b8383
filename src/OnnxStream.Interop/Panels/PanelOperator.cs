using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using static OnnxStream.Interop.Bindings.Xnnpack;

namespace OnnxStream.Interop.Panels;

/// <summary>An XNNPACK operator that is made once and then run with whatever packed weights it is pointed to.</summary>
/// <remarks>XNNPACK asks its weights cache for the address each time that the operator is reshaped: that is where it is told of another panel.</remarks>
internal sealed unsafe class PanelOperator : IDisposable
{
    private readonly NativeBuffer _slot;
    private XnnOperatorHandle? _handle;

    /// <summary>Reserves the weights cache.</summary>
    public PanelOperator()
    {
        _slot = new NativeBuffer(sizeof(PackedPanelSlot));
        PackedPanelSlot.Reset(Slot, _slot.Pointer, 0);
        PackedPanelSlot.MarkFilled(Slot);
    }

    /// <summary>The weights cache that the operator must be created with.</summary>
    public xnn_weights_cache_provider* Cache => PackedPanelSlot.Provider(Slot);

    /// <summary>XNNPACK's operator.</summary>
    public xnn_operator* Pointer => _handle!.Pointer;

    private PackedPanelSlot* Slot => (PackedPanelSlot*)_slot.Pointer;

    /// <summary>Takes over what a create function made.</summary>
    public void Created(xnn_status status, xnn_operator* created, string function, string details)
    {
        XnnpackLibrary.CheckCreated(status, created, function, details);
        _handle = new XnnOperatorHandle(created);
    }

    /// <summary>Computes with the weights at this address from the next reshape on.</summary>
    public void PointTo(byte* packed) => PackedPanelSlot.PointTo(Slot, packed);

    /// <inheritdoc/>
    public void Dispose()
    {
        _handle?.Dispose();
        _slot.Dispose();
    }

    /// <summary>An operator [rows, <paramref name="inputs"/>] x [<paramref name="inputs"/>, <paramref name="outputs"/>] whose packed weights come later.</summary>
    public static PanelOperator FullyConnected(int inputs, int outputs, long inputStride, long outputStride, bool inputMajor = false)
    {
        PanelOperator result = new();
        try
        {
            // On a hit XNNPACK reads neither kernel nor bias.
            float dummy = 0;
            xnn_operator* created = null;
            xnn_status status = xnn_create_fully_connected_nc_f32(
                (nuint)inputs, (nuint)outputs, (nuint)inputStride, (nuint)outputStride, &dummy, null,
                float.NegativeInfinity, float.PositiveInfinity, inputMajor ? (uint)XNN_FLAG_TRANSPOSE_WEIGHTS : 0, null, result.Cache, &created);
            result.Created(status, created, nameof(xnn_create_fully_connected_nc_f32), $"{inputs}x{outputs}");
            return result;
        }
        catch
        {
            result.Dispose();
            throw;
        }
    }

    /// <summary>Multiplies rows, on the calling thread. For operators that <see cref="FullyConnected"/> made.</summary>
    public void Multiply(byte* packed, int rows, float* input, float* output, string node)
    {
        PointTo(packed);
        XnnpackLibrary.Check(xnn_reshape_fully_connected_nc_f32(Pointer, (nuint)rows, null), nameof(xnn_reshape_fully_connected_nc_f32), node);
        XnnpackLibrary.Check(xnn_setup_fully_connected_nc_f32(Pointer, input, output), nameof(xnn_setup_fully_connected_nc_f32), node);
        XnnpackLibrary.Check(xnn_run_operator(Pointer, null), nameof(xnn_run_operator), node);
    }

    /// <summary>The bytes of a packed matrix, a multiple of <see cref="CountedMemory.Alignment"/>, and XNNPACK's number for the layout.</summary>
    public static (long Bytes, uint Layout) MeasureFullyConnected(int inputs, int outputs, bool inputMajor = false)
    {
        using NativeBuffer buffer = new(sizeof(PackedPanelSlot));
        PackedPanelSlot* slot = (PackedPanelSlot*)buffer.Pointer;
        PackedPanelSlot.Reset(slot, null, 0);
        float dummy = 0;
        xnn_operator* created = null;
        xnn_status status = xnn_create_fully_connected_nc_f32(
            (nuint)inputs, (nuint)outputs, (nuint)inputs, (nuint)outputs, &dummy, null,
            float.NegativeInfinity, float.PositiveInfinity, inputMajor ? (uint)XNN_FLAG_TRANSPOSE_WEIGHTS : 0, null, PackedPanelSlot.Provider(slot), &created);
        long bytes = PackedPanelSlot.Required(slot, status, nameof(xnn_create_fully_connected_nc_f32), $"{inputs}x{outputs}");
        return (CountedMemory.Align(bytes), slot->Seed);
    }

    /// <summary>Packs a matrix, [outputs, inputs] or [inputs, outputs] if <paramref name="inputMajor"/>.</summary>
    /// <param name="scratch">Memory of <see cref="PackScratchBytes"/>, 64-byte aligned.</param>
    /// <param name="weights">The matrix.</param>
    /// <param name="inputs">Its inputs.</param>
    /// <param name="outputs">Its outputs.</param>
    /// <param name="inputMajor">Which of them comes first.</param>
    /// <param name="packed">Receives <paramref name="packedBytes"/>.</param>
    /// <param name="packedBytes">What <see cref="MeasureFullyConnected"/> said.</param>
    /// <param name="node">The node, for messages.</param>
    public static void PackFullyConnected(byte* scratch, float* weights, int inputs, int outputs, bool inputMajor, byte* packed, long packedBytes, string node)
    {
        PackedPanelSlot* slot = (PackedPanelSlot*)scratch;
        PackedPanelSlot.Reset(slot, packed, (nuint)packedBytes);
        xnn_operator* created = null;
        XnnpackLibrary.CheckCreated(
            xnn_create_fully_connected_nc_f32(
                (nuint)inputs, (nuint)outputs, (nuint)inputs, (nuint)outputs, weights, null,
                float.NegativeInfinity, float.PositiveInfinity, inputMajor ? (uint)XNN_FLAG_TRANSPOSE_WEIGHTS : 0, null, PackedPanelSlot.Provider(slot), &created),
            created, nameof(xnn_create_fully_connected_nc_f32), node);
        _ = xnn_delete_operator(created);
    }

    /// <summary>Bytes of scratch memory that packing needs.</summary>
    public static long PackScratchBytes => CountedMemory.Align(sizeof(PackedPanelSlot));
}
