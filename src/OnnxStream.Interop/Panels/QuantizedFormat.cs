using System.Numerics.Tensors;
using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using static OnnxStream.Interop.Bindings.Xnnpack;

namespace OnnxStream.Interop.Panels;

/// <summary>
/// Weights rounded to few integers, with scales; data are quantized to 8 bits when they are used, with a scale and a zero point for each row (of a
/// matrix) or image (of a convolution). Packed as XNNPACK's qd8 operators want it, and stored like that.
/// </summary>
/// <remarks>
/// Sums are exact integers, or sums of blocks of them; results are single precision. Weights with few numbers are not taken: they are a hundredth of a
/// network's bytes, and the first and the last layers, which lose the most, are among them.
/// </remarks>
internal abstract unsafe class QuantizedFormat : PanelFormat
{
    private const long LeastNumbers = 32 << 10;

    // A sum of products of -127 to 127 and -255 to 255 (data minus zero point) must not leave 32 bits.
    private const long MostPerOutput = int.MaxValue / (byte.MaxValue * sbyte.MaxValue);

    // Columns of a weight that lies as [inputs, outputs] are gathered together, so that each line of the cache is read once.
    private const int GatheredColumns = 16;

    /// <inheritdoc/>
    public override bool IsUsedInPlace => true;

    /// <inheritdoc/>
    public override bool IsQuantized => true;

    /// <inheritdoc/>
    public override bool Takes(long outputs, long inputs, long space) => outputs * inputs * space >= LeastNumbers && inputs * space <= MostPerOutput;

    /// <inheritdoc/>
    public override long StoredBytes(long packedBytes) => packedBytes;

    /// <inheritdoc/>
    public override Span<byte> Encode(Span<byte> packed) => packed;

    /// <inheritdoc/>
    public override void Expand(byte* stored, byte* packed, long packedBytes) => Buffer.MemoryCopy(stored, packed, packedBytes, packedBytes);

    /// <inheritdoc/>
    public override long PackScratchBytes(PanelProduct product, int outputs) => base.PackScratchBytes(product, outputs) +
        CountedMemory.Align(outputs * IntegerBytes(PerOutput(product))) + CountedMemory.Align(outputs * ScaleBytes(PerOutput(product))) +
        (product is MatrixProduct { IsInputMajor: true } ? CountedMemory.Align(GatheredColumns * PerOutput(product) * sizeof(float)) : 0);

    /// <inheritdoc/>
    public override void Pack(PanelProduct product, int outputs, float* weights, float* bias, byte* scratch, byte* packed, long packedBytes, string details)
    {
        int perOutput = checked((int)PerOutput(product));
        byte* integers = scratch + base.PackScratchBytes(product, outputs);
        byte* scales = integers + CountedMemory.Align(outputs * IntegerBytes(perOutput));
        if (product is MatrixProduct { IsInputMajor: true })
        {
            float* columns = (float*)(scales + CountedMemory.Align(outputs * ScaleBytes(perOutput)));
            for (int first = 0; first < outputs; first += GatheredColumns)
            {
                int count = Math.Min(GatheredColumns, outputs - first);
                Gather(weights + first, outputs, perOutput, columns, count);
                Quantize(columns, perOutput, integers + first * IntegerBytes(perOutput), scales + first * ScaleBytes(perOutput), count);
            }
        }
        else
        {
            Quantize(weights, perOutput, integers, scales, outputs);
        }

        PackIntegers(product, outputs, integers, scales, bias, scratch, packed, packedBytes, details);
    }

    /// <summary>Packs channels that are integers already.</summary>
    /// <param name="product">What is computed with them.</param>
    /// <param name="outputs">The number of output channels.</param>
    /// <param name="integers">The integers of each channel, as <see cref="Quantize(ReadOnlySpan{float}, byte*, byte*)"/> makes them.</param>
    /// <param name="scales">The scales of each channel.</param>
    /// <param name="bias">The biases, or null.</param>
    /// <param name="scratch">Memory for a <see cref="PackedPanelSlot"/>, 64-byte aligned.</param>
    /// <param name="packed">Receives the packed channels; 64-byte aligned.</param>
    /// <param name="packedBytes">The size that <see cref="PanelFormat.Measure"/> returned.</param>
    /// <param name="details">What it is for, for messages.</param>
    public void PackIntegers(PanelProduct product, int outputs, byte* integers, byte* scales, float* bias, byte* scratch, byte* packed, long packedBytes, string details)
    {
        PackedPanelSlot* slot = (PackedPanelSlot*)scratch;
        PackedPanelSlot.Reset(slot, packed, (nuint)packedBytes);
        xnn_operator* created = null;
        XnnpackLibrary.CheckCreated(Create(product, outputs, integers, scales, bias, PackedPanelSlot.Provider(slot), &created), created, FunctionName(product), details);
        _ = xnn_delete_operator(created);
    }

    /// <inheritdoc/>
    public override long ConvertedBytes(PanelProduct product, long rows) => rows == 0 ? 0 : product switch
    {
        MatrixProduct matrix => QuantizedRows.Bytes(rows, rows * matrix.Inputs),
        _ => QuantizedRows.Bytes(Image(product)[0], Image(product).ElementCount),
    };

    /// <inheritdoc/>
    public override byte* Convert(PanelProduct product, long rows, byte* data, byte* converted, WorkerPool? workers = null)
    {
        switch (product)
        {
            case MatrixProduct matrix:
                QuantizedRows.Write(converted, (float*)data, rows, matrix.Inputs, matrix.InputStride, workers);
                break;
            case ConvolutionProduct { IsUpsampled: true, Input: var image }:
                QuantizedRows.WriteDoubled(converted, (float*)data, image, workers);
                break;
            default:
                long length = Image(product).Product(1, 4);
                QuantizedRows.Write(converted, (float*)data, Image(product)[0], length, length, workers);
                break;
        }

        return converted;
    }

    /// <inheritdoc/>
    public override SquaredLoss DataLoss(PanelProduct product, long rows, byte* data, byte* converted)
    {
        (long count, long length, long stride) = product switch
        {
            MatrixProduct matrix => (rows, matrix.Inputs, matrix.InputStride),
            ConvolutionProduct { IsUpsampled: true, Input: var image } => (image[0], image.Product(1, 4) / 4, image.Product(1, 4) / 4),
            _ => (Image(product)[0], Image(product).Product(1, 4), Image(product).Product(1, 4)),
        };
        SquaredLoss loss = SquaredLoss.None;
        for (long row = 0; row < count; row++)
        {
            // The error of rounding lies anywhere within half a step.
            double step = QuantizedRows.Parameters(converted)[row].scale;
            loss += new SquaredLoss(length * step * step / 12, TensorPrimitives.SumOfSquares(new ReadOnlySpan<float>((float*)data + row * stride, checked((int)length))));
        }

        return loss;
    }

    /// <inheritdoc/>
    public override long OperandBytes(int rows, int length) => QuantizedRows.Bytes(1, (long)rows * length);

    /// <inheritdoc/>
    public override SquaredLoss OperandLoss(long elements, byte* operand)
    {
        xnn_quantization_params parameters = QuantizedRows.Parameters(operand)[0];
        sbyte* numbers = QuantizedRows.Elements(operand);
        double squares = 0;
        for (long i = 0; i < elements; i++)
        {
            double steps = numbers[i] - parameters.zero_point;
            squares += steps * steps;
        }

        double step = parameters.scale;
        return new SquaredLoss(elements * step * step / 12, squares * step * step);
    }

    /// <inheritdoc/>
    public override void ConvertRows(IRowReader rows, byte* operand, float* row) => QuantizedRows.Write(operand, rows, row);

    /// <summary>The bytes of the integers of a channel.</summary>
    /// <param name="perOutput">How many numbers it has.</param>
    protected abstract long IntegerBytes(long perOutput);

    /// <summary>The bytes of the scales of a channel.</summary>
    /// <param name="perOutput">How many numbers it has.</param>
    protected abstract long ScaleBytes(long perOutput);

    /// <summary>Quantizes a channel.</summary>
    /// <param name="weights">Its weights.</param>
    /// <param name="integers">Receives <see cref="IntegerBytes"/>.</param>
    /// <param name="scales">Receives <see cref="ScaleBytes"/>.</param>
    protected abstract void Quantize(ReadOnlySpan<float> weights, byte* integers, byte* scales);

    /// <summary>Creates an operator.</summary>
    /// <param name="product">What it computes.</param>
    /// <param name="outputs">The number of output channels.</param>
    /// <param name="integers">What <see cref="Quantize(ReadOnlySpan{float}, byte*, byte*)"/> made of each channel; not read where <paramref name="cache"/> has packed weights.</param>
    /// <param name="scales">The scales of each channel, which XNNPACK checks in any case.</param>
    /// <param name="bias">The biases, or null.</param>
    /// <param name="cache">Where packed weights go, or are.</param>
    /// <param name="created">Receives the operator.</param>
    protected abstract xnn_status Create(PanelProduct product, int outputs, byte* integers, byte* scales, float* bias, xnn_weights_cache_provider* cache, xnn_operator** created);

    /// <summary>The numbers of an output channel.</summary>
    protected static long PerOutput(PanelProduct product) => product.PerOutput;

    private static Shape Image(PanelProduct product) => ((ConvolutionProduct)product).Input;

    private void Quantize(float* weights, int perOutput, byte* integers, byte* scales, int count)
    {
        for (int channel = 0; channel < count; channel++)
        {
            Quantize(new ReadOnlySpan<float>(weights + (long)channel * perOutput, perOutput), integers + channel * IntegerBytes(perOutput), scales + channel * ScaleBytes(perOutput));
        }
    }

    // [inputs, outputs] to [count, inputs]
    private static void Gather(float* weights, int stride, int inputs, float* columns, int count)
    {
        for (int input = 0; input < inputs; input++)
        {
            for (int column = 0; column < count; column++)
            {
                columns[(long)column * inputs + input] = weights[(long)input * stride + column];
            }
        }
    }
}
