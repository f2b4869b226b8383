using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Takes each element of the output from the input's line along an axis through the same place.</summary>
internal sealed unsafe class GatherElementsKernel<T>(Shape data, Shape indices, int axis) : RowKernel(indices.ElementCount / Math.Max(1, indices[^1]), indices[^1] * sizeof(T))
    where T : unmanaged
{
    private readonly LinesAlongAxis _lines = new(data, indices, axis);

    /// <inheritdoc/>
    public override string Name => "gather elements";

    /// <inheritdoc/>
    protected override void Check(KernelContext context) => new IndexTensor(context, 1).Check(context, _lines.IndexCount, _lines.AxisSize);

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        bool isWide = context.Call.Inputs[1].ElementType == ElementType.Int64;
        for (long row = first; row < end; row++)
        {
            T* data = (T*)context.Input(0) + _lines.RowOffset(row);
            T* output = (T*)context.Output(0) + row * _lines.RowLength;
            if (isWide)
            {
                Take(data, (long*)context.Input(1) + row * _lines.RowLength, output);
            }
            else
            {
                Take(data, (int*)context.Input(1) + row * _lines.RowLength, output);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Take(T* data, long* indices, T* output)
    {
        (long length, long size, long axisStride, long placeStride) = (_lines.RowLength, _lines.AxisSize, _lines.AxisStride, _lines.PlaceStride);
        for (long i = 0; i < length; i++)
        {
            long index = indices[i];
            output[i] = data[(index + ((index >> 63) & size)) * axisStride + i * placeStride];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Take(T* data, int* indices, T* output)
    {
        (long length, long size, long axisStride, long placeStride) = (_lines.RowLength, _lines.AxisSize, _lines.AxisStride, _lines.PlaceStride);
        for (long i = 0; i < length; i++)
        {
            long index = indices[i];
            output[i] = data[(index + ((index >> 63) & size)) * axisStride + i * placeStride];
        }
    }
}
