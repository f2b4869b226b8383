using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Copies a tensor and changes single elements of it, in the order of the updates.</summary>
internal sealed unsafe class ScatterElementsKernel<T, TFunction>(Shape data, Shape indices, int axis) : Kernel
    where T : unmanaged
    where TFunction : IBinaryFunction<T, T>
{
    private readonly LinesAlongAxis _lines = new(data, indices, axis);
    private readonly long _dataBytes = data.ElementCount * sizeof(T);

    /// <inheritdoc/>
    public override string Name => "scatter elements";

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => input == 0;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Run(KernelContext context)
    {
        IndexTensor indices = new(context, 1);
        indices.Check(context, _lines.IndexCount, _lines.AxisSize);
        T* output = (T*)context.Output(0);
        T* updates = (T*)context.Input(2);
        if (context.Input(0) != output)
        {
            Buffer.MemoryCopy(context.Input(0), output, _dataBytes, _dataBytes);
        }

        long rows = _lines.IndexCount / Math.Max(1, _lines.RowLength);
        for (long row = 0; row < rows; row++)
        {
            T* line = output + _lines.RowOffset(row);
            for (long i = 0; i < _lines.RowLength; i++)
            {
                T* element = line + _lines.ElementOffset(indices, row, i);
                *element = TFunction.Invoke(*element, updates[row * _lines.RowLength + i]);
            }
        }
    }
}
