using OnnxStream.Interop.Bindings;
using static OnnxStream.Interop.Bindings.Xnnpack;

namespace OnnxStream.Interop.Panels;

/// <summary>
/// Weights of 4 bits with a scale for each 32 of a channel, which <see cref="BlockQuantizer"/> fits: an eighth of the bytes. For matrices whose rows are whole
/// blocks; other weights are <see cref="Int8Format"/>'s.
/// </summary>
internal sealed unsafe class Int4Format : QuantizedFormat
{
    private const byte ZeroPoint = 8;
    private const ushort One = 0x3F80; // as a brain float

    /// <inheritdoc/>
    public override string Identity => "int4";

    /// <inheritdoc/>
    public override ElementType StoredType => ElementType.Int4;

    /// <inheritdoc/>
    public override double BytesPerNumber => 0.5 + (double)sizeof(ushort) / BlockQuantizer.BlockLength;

    /// <inheritdoc/>
    public override PanelFormat Substitute => PanelFormats.Int8;

    /// <inheritdoc/>
    public override bool Takes(long outputs, long inputs, long space) => base.Takes(outputs, inputs, space) && space == 1 && inputs % BlockQuantizer.BlockLength == 0;

    /// <inheritdoc/>
    public override string FunctionName(PanelProduct product) => nameof(xnn_create_fully_connected_nc_qd8_f32_qb4w);

    /// <inheritdoc/>
    public override xnn_status Create(PanelProduct product, int outputs, void* weights, float* bias, xnn_weights_cache_provider* cache, xnn_operator** created)
    {
        // Nothing is packed, but each scale must be a number that could be used.
        ushort[] ones = new ushort[outputs * PerOutput(product) / BlockQuantizer.BlockLength];
        Array.Fill(ones, One);
        fixed (ushort* scales = ones)
        {
            return Create(product, outputs, (byte*)weights, (byte*)scales, bias, cache, created);
        }
    }

    /// <inheritdoc/>
    public override xnn_status Reshape(PanelProduct product, xnn_operator* operation, long rows, nuint* workspaceBytes, Pthreadpool* threads)
    {
        *workspaceBytes = 0;
        return xnn_reshape_fully_connected_nc_qd8_f32_qb4w(operation, (nuint)rows, threads);
    }

    /// <inheritdoc/>
    public override xnn_status Setup(PanelProduct product, xnn_operator* operation, byte* workspace, byte* data, long firstRow, byte* results) =>
        xnn_setup_fully_connected_nc_qd8_f32_qb4w(operation, QuantizedRows.Elements(data) + firstRow * PerOutput(product), (float*)results, QuantizedRows.Parameters(data) + firstRow);

    /// <inheritdoc/>
    public override SquaredLoss WeightLoss(ReadOnlySpan<float> channel)
    {
        SquaredLoss loss = SquaredLoss.None;
        Span<byte> nibbles = stackalloc byte[BlockQuantizer.BlockLength / 2];
        for (int first = 0; first < channel.Length; first += BlockQuantizer.BlockLength)
        {
            ReadOnlySpan<float> block = channel.Slice(first, BlockQuantizer.BlockLength);
            double scale = BitConverter.UInt32BitsToSingle((uint)BlockQuantizer.Quantize(block, nibbles) << 16);
            for (int i = 0; i < block.Length; i++)
            {
                int integer = ((nibbles[i / 2] >> (i % 2 * 4)) & 15) - ZeroPoint;
                double difference = block[i] - scale * integer;
                loss += new SquaredLoss(difference * difference, (double)block[i] * block[i]);
            }
        }

        return loss;
    }

    /// <inheritdoc/>
    protected override long IntegerBytes(long perOutput) => perOutput / 2;

    /// <inheritdoc/>
    protected override long ScaleBytes(long perOutput) => perOutput / BlockQuantizer.BlockLength * sizeof(ushort);

    /// <inheritdoc/>
    protected override void Quantize(ReadOnlySpan<float> weights, byte* integers, byte* scales)
    {
        for (int first = 0; first < weights.Length; first += BlockQuantizer.BlockLength)
        {
            *(ushort*)scales = BlockQuantizer.Quantize(weights.Slice(first, BlockQuantizer.BlockLength), new Span<byte>(integers, BlockQuantizer.BlockLength / 2));
            integers += BlockQuantizer.BlockLength / 2;
            scales += sizeof(ushort);
        }
    }

    /// <inheritdoc/>
    protected override xnn_status Create(PanelProduct product, int outputs, byte* integers, byte* scales, float* bias, xnn_weights_cache_provider* cache, xnn_operator** created)
    {
        nuint inputs = (nuint)PerOutput(product);
        return xnn_create_fully_connected_nc_qd8_f32_qb4w(
            inputs, (nuint)outputs, inputs, (nuint)(product.OutputStride == 0 ? outputs : product.OutputStride), BlockQuantizer.BlockLength, ZeroPoint, (ushort*)scales, integers, bias,
            product.Low, product.High, 0, null, cache, created);
    }
}
