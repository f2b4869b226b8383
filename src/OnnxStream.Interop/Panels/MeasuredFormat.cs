using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Panels;

/// <summary>A format that adds up what is lost of the weights and the data of one layer, and is otherwise the one that it measures.</summary>
/// <param name="format">The format.</param>
/// <param name="loss">Receives what is lost.</param>
internal sealed unsafe class MeasuredFormat(PanelFormat format, LayerLoss loss) : PanelFormat
{
    // Of each panel: channels of a layer are alike enough.
    private const int MeasuredChannels = 8;

    /// <inheritdoc/>
    public override string Identity => format.Identity;

    /// <inheritdoc/>
    public override ElementType StoredType => format.StoredType;

    /// <inheritdoc/>
    public override bool IsUsedInPlace => format.IsUsedInPlace;

    /// <inheritdoc/>
    public override bool IsQuantized => format.IsQuantized;

    /// <inheritdoc/>
    public override double BytesPerNumber => format.BytesPerNumber;

    /// <inheritdoc/>
    public override PanelFormat Substitute => format.Substitute;

    /// <inheritdoc/>
    public override bool Takes(long outputs, long inputs, long space) => format.Takes(outputs, inputs, space);

    /// <inheritdoc/>
    public override long StoredBytes(long packedBytes) => format.StoredBytes(packedBytes);

    /// <inheritdoc/>
    public override Span<byte> Encode(Span<byte> packed) => format.Encode(packed);

    /// <inheritdoc/>
    public override void Expand(byte* stored, byte* packed, long packedBytes) => format.Expand(stored, packed, packedBytes);

    /// <inheritdoc/>
    public override void Round(byte* packed, long packedBytes) => format.Round(packed, packedBytes);

    /// <inheritdoc/>
    public override SquaredLoss WeightLoss(ReadOnlySpan<float> channel) => format.WeightLoss(channel);

    /// <inheritdoc/>
    public override SquaredLoss DataLoss(PanelProduct product, long rows, byte* data, byte* converted) => format.DataLoss(product, rows, data, converted);

    /// <inheritdoc/>
    public override long PackScratchBytes(PanelProduct product, int outputs) => format.PackScratchBytes(product, outputs);

    /// <inheritdoc/>
    public override void Pack(PanelProduct product, int outputs, float* weights, float* bias, byte* scratch, byte* packed, long packedBytes, string details)
    {
        loss.SetUsed();
        int length = checked((int)product.PerOutput);
        bool isInputMajor = product is MatrixProduct { IsInputMajor: true };
        float[] column = isInputMajor ? new float[length] : [];
        for (int channel = 0; channel < outputs; channel += (outputs + MeasuredChannels - 1) / MeasuredChannels)
        {
            for (int i = 0; i < column.Length; i++)
            {
                column[i] = weights[(long)i * outputs + channel];
            }

            loss.AddWeights(format.WeightLoss(isInputMajor ? column : new ReadOnlySpan<float>(weights + (long)channel * length, length)));
        }

        format.Pack(product, outputs, weights, bias, scratch, packed, packedBytes, details);
    }

    /// <inheritdoc/>
    public override long ConvertedBytes(PanelProduct product, long rows) => format.ConvertedBytes(product, rows);

    /// <inheritdoc/>
    public override byte* Convert(PanelProduct product, long rows, byte* data, byte* converted, WorkerPool? workers = null)
    {
        byte* result = format.Convert(product, rows, data, converted, workers);
        loss.AddData(format.DataLoss(product, rows, data, result));
        return result;
    }

    /// <inheritdoc/>
    public override long OperandBytes(int rows, int length) => format.OperandBytes(rows, length);

    /// <inheritdoc/>
    public override SquaredLoss OperandLoss(long elements, byte* operand) => format.OperandLoss(elements, operand);

    /// <inheritdoc/>
    public override void ConvertRows(IRowReader rows, byte* operand, float* row)
    {
        format.ConvertRows(rows, operand, row);
        loss.AddData(format.OperandLoss((long)rows.RowCount * rows.RowLength, operand));
    }

    /// <inheritdoc/>
    public override string FunctionName(PanelProduct product) => format.FunctionName(product);

    /// <inheritdoc/>
    public override xnn_status Create(PanelProduct product, int outputs, void* weights, float* bias, xnn_weights_cache_provider* cache, xnn_operator** created) =>
        format.Create(product, outputs, weights, bias, cache, created);

    /// <inheritdoc/>
    public override xnn_status Reshape(PanelProduct product, xnn_operator* operation, long rows, nuint* workspaceBytes, Pthreadpool* threads) =>
        format.Reshape(product, operation, rows, workspaceBytes, threads);

    /// <inheritdoc/>
    public override xnn_status Setup(PanelProduct product, xnn_operator* operation, byte* workspace, byte* data, long firstRow, byte* results) =>
        format.Setup(product, operation, workspace, data, firstRow, results);
}
