using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Panels;

/// <summary>How the panels of a weight are packed, computed with and stored.</summary>
/// <remarks>
/// <para>
/// One file for each format, and a line in <see cref="PanelFormats"/>. A format says four things: how many bytes some output channels take when they
/// are packed and how they are packed; how an XNNPACK operator over packed channels is created, pointed to data and run; how data must be
/// converted before such an operator reads it; and how packed bytes are encoded in a store.
/// </para>
/// <para>Kernels ask the format and never test which one it is. Formats have no state: one instance serves all threads.</para>
/// </remarks>
internal abstract unsafe class PanelFormat
{
    /// <summary>The name of the format in stores and on the command line. It changes whenever the stored bytes do, and for no other reason.</summary>
    public abstract string Identity { get; }

    /// <summary>The element type that users choose the format by (<see cref="PanelStoreOptions.ElementType"/>).</summary>
    public abstract ElementType StoredType { get; }

    /// <summary>Whether operators compute with stored bytes where they lie; otherwise <see cref="Expand"/> makes packed bytes of them first.</summary>
    public abstract bool IsUsedInPlace { get; }

    /// <summary>
    /// Whether weights are rounded to few integers. Only weights that <see cref="Takes"/> allows are then packed in this format, and
    /// nothing is packed that was computed from weights, such as Winograd's transforms: their rounding errors would be multiplied.
    /// </summary>
    public virtual bool IsQuantized => false;

    /// <summary>What the names of kernels end with, so that a plan shows which layers are computed in another format.</summary>
    public string KernelSuffix => IsQuantized ? $", {Identity}" : "";

    /// <summary>The bytes of a packed number, nearly, without what is packed for each channel.</summary>
    public virtual double BytesPerNumber => sizeof(float);

    /// <summary>The format for weights that this one does not take.</summary>
    public virtual PanelFormat Substitute => PanelFormats.Default;

    /// <summary>Whether a constant weight is packed in this format, where the user chose it; otherwise it is packed in its <see cref="Substitute"/>.</summary>
    /// <param name="outputs">The number of output channels.</param>
    /// <param name="inputs">The number of input channels.</param>
    /// <param name="space">The number of kernel positions; 1 for matrices.</param>
    public virtual bool Takes(long outputs, long inputs, long space) => true;

    /// <summary>The bytes in a store of packed bytes, or of a part of them that is a multiple of <see cref="CountedMemory.Alignment"/>.</summary>
    public abstract long StoredBytes(long packedBytes);

    /// <summary>Turns packed bytes into stored ones, in place.</summary>
    /// <param name="packed">A packed panel. Its content is lost.</param>
    /// <returns>The stored bytes, at the start of the same memory.</returns>
    public abstract Span<byte> Encode(Span<byte> packed);

    /// <summary>Turns stored bytes into packed ones.</summary>
    /// <param name="stored">The stored bytes; need not be aligned.</param>
    /// <param name="packed">Receives the packed bytes; does not overlap.</param>
    /// <param name="packedBytes">How many packed bytes to make.</param>
    public abstract void Expand(byte* stored, byte* packed, long packedBytes);

    /// <summary>Makes of packed bytes what they would be if they had been stored, where no store holds them.</summary>
    /// <param name="packed">Packed bytes, or a part of them; 64-byte aligned.</param>
    /// <param name="packedBytes">How many.</param>
    public virtual void Round(byte* packed, long packedBytes)
    {
    }

    /// <summary>What is lost of the weights of an output channel when they are rounded to this format.</summary>
    /// <param name="channel">The weights, of a whole channel.</param>
    public virtual SquaredLoss WeightLoss(ReadOnlySpan<float> channel) => SquaredLoss.None;

    /// <summary>What is lost of data that <see cref="Convert"/> has converted.</summary>
    /// <param name="product">What is computed.</param>
    /// <param name="rows">Rows of data.</param>
    /// <param name="data">The data.</param>
    /// <param name="converted">What they were converted to.</param>
    public virtual SquaredLoss DataLoss(PanelProduct product, long rows, byte* data, byte* converted) => SquaredLoss.None;

    /// <summary>The size of packed channels.</summary>
    /// <param name="product">What is computed with them.</param>
    /// <param name="outputs">The number of output channels.</param>
    /// <param name="details">What it is for, for messages.</param>
    /// <returns>The bytes, and the number by which XNNPACK knows the layout on this processor.</returns>
    public (long Bytes, uint Layout) Measure(PanelProduct product, int outputs, string details)
    {
        using NativeBuffer buffer = new(sizeof(PackedPanelSlot));
        PackedPanelSlot* slot = (PackedPanelSlot*)buffer.Pointer;
        PackedPanelSlot.Reset(slot, null, 0);
        double dummy = 0;
        xnn_operator* created = null;
        long bytes = PackedPanelSlot.Required(slot, Create(product, outputs, &dummy, null, PackedPanelSlot.Provider(slot), &created), FunctionName(product), details);
        return (bytes, slot->Seed);
    }

    /// <summary>The scratch memory that <see cref="Pack"/> needs, in bytes.</summary>
    /// <param name="product">What is computed with the channels.</param>
    /// <param name="outputs">The number of output channels.</param>
    public virtual long PackScratchBytes(PanelProduct product, int outputs) => CountedMemory.Align(sizeof(PackedPanelSlot));

    /// <summary>Packs channels.</summary>
    /// <param name="product">What is computed with them.</param>
    /// <param name="outputs">The number of output channels.</param>
    /// <param name="weights">The weights in single precision, as <see cref="PanelWeights.Gather"/> makes them.</param>
    /// <param name="bias">The biases, or null.</param>
    /// <param name="scratch">Memory of <see cref="PackScratchBytes"/>, 64-byte aligned.</param>
    /// <param name="packed">Receives the packed channels; 64-byte aligned.</param>
    /// <param name="packedBytes">The size that <see cref="Measure"/> returned.</param>
    /// <param name="details">What it is for, for messages.</param>
    public virtual void Pack(PanelProduct product, int outputs, float* weights, float* bias, byte* scratch, byte* packed, long packedBytes, string details)
    {
        PackedPanelSlot* slot = (PackedPanelSlot*)scratch;
        PackedPanelSlot.Reset(slot, packed, (nuint)packedBytes);
        xnn_operator* created = null;
        XnnpackLibrary.CheckCreated(Create(product, outputs, weights, bias, PackedPanelSlot.Provider(slot), &created), created, FunctionName(product), details);
        _ = Xnnpack.xnn_delete_operator(created);
    }

    /// <summary>The memory for data that operators cannot read as it is, in bytes; 0 where they can.</summary>
    /// <param name="product">What is computed.</param>
    /// <param name="rows">Rows of data: pixels, for a convolution.</param>
    public virtual long ConvertedBytes(PanelProduct product, long rows) => 0;

    /// <summary>Converts single-precision data to what operators read.</summary>
    /// <param name="product">What is computed.</param>
    /// <param name="rows">Rows of data.</param>
    /// <param name="data">The data.</param>
    /// <param name="converted">Memory of <see cref="ConvertedBytes"/>.</param>
    /// <param name="workers">The threads that convert; null for the calling one.</param>
    /// <returns>What to give to <see cref="Setup"/>.</returns>
    public virtual byte* Convert(PanelProduct product, long rows, byte* data, byte* converted, WorkerPool? workers = null) => data;

    /// <summary>The memory for data of one image that is made row by row (<see cref="ConvertRows"/>), in bytes.</summary>
    /// <param name="rows">The rows of the image.</param>
    /// <param name="length">The numbers of a row.</param>
    public virtual long OperandBytes(int rows, int length) => CountedMemory.Align((long)rows * length * sizeof(float) + XnnpackLibrary.ReadPastEnd);

    /// <summary>What was lost of data that <see cref="ConvertRows"/> converted.</summary>
    /// <param name="elements">How many numbers there are.</param>
    /// <param name="operand">The converted data.</param>
    public virtual SquaredLoss OperandLoss(long elements, byte* operand) => SquaredLoss.None;

    /// <summary>Makes what operators read of rows of one image, on the calling thread.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="operand">Receives <see cref="OperandBytes"/>: what to give to <see cref="Setup"/>.</param>
    /// <param name="row">Memory for a row.</param>
    public virtual void ConvertRows(IRowReader rows, byte* operand, float* row)
    {
        for (int i = 0; i < rows.RowCount; i++)
        {
            rows.ReadRow(i, (float*)operand + (long)i * rows.RowLength);
        }
    }

    /// <summary>The create function of XNNPACK that <see cref="Create"/> calls, for messages.</summary>
    public abstract string FunctionName(PanelProduct product);

    /// <summary>Creates an operator.</summary>
    /// <param name="product">What it computes.</param>
    /// <param name="outputs">The number of output channels.</param>
    /// <param name="weights">The weights; not read where <paramref name="cache"/> has them.</param>
    /// <param name="bias">The biases, or null.</param>
    /// <param name="cache">Where packed weights go, or are.</param>
    /// <param name="created">Receives the operator.</param>
    public abstract xnn_status Create(PanelProduct product, int outputs, void* weights, float* bias, xnn_weights_cache_provider* cache, xnn_operator** created);

    /// <summary>Prepares an operator for a number of rows.</summary>
    /// <param name="product">What it computes.</param>
    /// <param name="operation">The operator.</param>
    /// <param name="rows">Rows of data. A convolution computes all of its input.</param>
    /// <param name="workspaceBytes">Receives the size of the workspace that <see cref="Setup"/> takes.</param>
    /// <param name="threads">The threads that will run it; null for the calling one.</param>
    public abstract xnn_status Reshape(PanelProduct product, xnn_operator* operation, long rows, nuint* workspaceBytes, Pthreadpool* threads);

    /// <summary>Points an operator to data and results.</summary>
    /// <param name="product">What it computes.</param>
    /// <param name="operation">The operator.</param>
    /// <param name="workspace">Memory of the size that <see cref="Reshape"/> asked for.</param>
    /// <param name="data">All rows of data, converted.</param>
    /// <param name="firstRow">The first row to compute.</param>
    /// <param name="results">The first result of that row, in single precision.</param>
    public abstract xnn_status Setup(PanelProduct product, xnn_operator* operation, byte* workspace, byte* data, long firstRow, byte* results);
}
