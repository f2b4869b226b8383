using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>Reads the rows of a weight that indices name, and nothing else of it: how embeddings are looked up.</summary>
/// <param name="weight">The weight.</param>
/// <param name="axisSize">The number of rows.</param>
/// <param name="indexCount">The number of indices.</param>
/// <param name="rowElements">The elements of a row; where elements share bytes, rows begin with a byte.</param>
internal sealed unsafe class GatherWeightKernel(Constant weight, long axisSize, long indexCount, long rowElements) : Kernel
{
    private readonly bool _isConverted = weight.IsConverted;
    private readonly long _storedRowBytes = checked(WeightElements.StoredBytes(weight, rowElements));

    /// <inheritdoc/>
    public override string Name => "gather weight";

    /// <inheritdoc/>
    public override long ScratchBytes => _isConverted ? _storedRowBytes : 0;

    /// <inheritdoc/>
    public override bool AccessesRandomly(int input) => input == 0;

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        IndexTensor indices = new(context, 1);
        indices.Check(context, indexCount, axisSize);
        long rowBytes = rowElements * weight.Type.ElementType.SizeOf();
        for (long i = 0; i < indexCount; i++)
        {
            byte* row = context.Output(0) + i * rowBytes;
            byte* stored = _isConverted ? context.Scratch : row;
            long index = indices.Resolve(i, axisSize);
            context.ReadInput(0, index * _storedRowBytes, new Span<byte>(stored, checked((int)_storedRowBytes)));
            if (!_isConverted)
            {
                continue;
            }

            if (weight.StoredType == weight.Type.ElementType)
            {
                PackedElements.Unpack(weight.StoredType, new ReadOnlySpan<byte>(stored, (int)_storedRowBytes), new Span<byte>(row, checked((int)rowBytes)));
            }
            else
            {
                WeightElements.ToFloat32(weight, index * rowElements, stored, new Span<float>(row, (int)rowElements));
            }
        }
    }
}
