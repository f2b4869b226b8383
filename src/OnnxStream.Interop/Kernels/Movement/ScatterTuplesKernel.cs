using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Copies a tensor and changes blocks of it, in the order of the updates.</summary>
internal sealed unsafe class ScatterTuplesKernel<T, TFunction>(IndexTuples tuples, long dataElements) : Kernel
    where T : unmanaged
    where TFunction : IBinaryFunction<T, T>
{
    /// <inheritdoc/>
    public override string Name => "scatter tuples";

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => input == 0;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Run(KernelContext context)
    {
        IndexTensor indices = new(context, 1);
        tuples.Check(context, indices);
        T* output = (T*)context.Output(0);
        if (context.Input(0) != output)
        {
            Buffer.MemoryCopy(context.Input(0), output, dataElements * sizeof(T), dataElements * sizeof(T));
        }

        for (long tuple = 0; tuple < tuples.TupleCount; tuple++)
        {
            T* block = output + tuples.Offset(indices, tuple);
            T* update = (T*)context.Input(2) + tuple * tuples.BlockElements;
            for (long i = 0; i < tuples.BlockElements; i++)
            {
                block[i] = TFunction.Invoke(block[i], update[i]);
            }
        }
    }
}
