using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>For each index, a line of <c>depth</c> elements with one value at the index and another everywhere else. Indices outside of the line are nowhere.</summary>
internal sealed unsafe class OneHotKernel<T>(long outer, long depth, long inner) : RowKernel(outer, depth * inner * sizeof(T), CopiedBytes)
    where T : unmanaged
{
    private readonly long _depth = depth;
    private readonly long _inner = inner;

    /// <inheritdoc/>
    public override string Name => "one hot";

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        IndexTensor indices = new(context, 0);
        T* values = (T*)context.Input(1);
        T* output = (T*)context.Output(0);
        for (long row = first; row < end; row++)
        {
            T* lines = output + row * _depth * _inner;
            FillKernel.Fill((byte*)lines, _depth * _inner, (byte*)values, sizeof(T));
            for (long i = 0; i < _inner; i++)
            {
                long index = indices.Resolve(row * _inner + i, _depth);
                if (index >= 0 && index < _depth)
                {
                    lines[index * _inner + i] = values[1];
                }
            }
        }
    }
}
