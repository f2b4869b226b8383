using System.Numerics;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Kernels;

/// <summary>Matrix products of element types that XNNPACK does not multiply, and of empty tensors.</summary>
internal sealed unsafe class MatMulKernel<T>(Shape leftBatch, Shape rightBatch, Shape batch, int m, int k, int n) : Kernel, IParallelBody
    where T : unmanaged, INumber<T>
{
    private readonly Broadcasting _broadcasting = new(new Shape([.. batch.Dimensions, 1]), new Shape([.. leftBatch.Dimensions, 1]), new Shape([.. rightBatch.Dimensions, 1]));
    private KernelContext? _context;

    /// <inheritdoc/>
    public override string Name => "matrix multiply";

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        _context = context;
        context.Workers.Parallelize(this, checked((int)(batch.ElementCount * m)));
        _context = null;
    }

    /// <inheritdoc/>
    public void Execute(int index)
    {
        (long matrix, long row) = Math.DivRem((long)index, m);
        (long run, long inner) = Math.DivRem(matrix, _broadcasting.InnerLength);
        T* left = (T*)_context!.Input(0) + ((_broadcasting.Offset(0, run) + inner * _broadcasting.InnerStrides[0]) * m + row) * k;
        T* right = (T*)_context.Input(1) + (_broadcasting.Offset(1, run) + inner * _broadcasting.InnerStrides[1]) * k * n;
        T* output = (T*)_context.Output(0) + (matrix * m + row) * n;
        new Span<T>(output, n).Clear();
        for (int i = 0; i < k; i++)
        {
            T factor = left[i];
            T* values = right + (long)i * n;
            for (int j = 0; j < n; j++)
            {
                output[j] += factor * values[j];
            }
        }
    }
}

/// <summary>Makes <see cref="MatMulKernel{T}"/>.</summary>
internal readonly struct MatMulKernelFactory(Shape leftBatch, Shape rightBatch, Shape batch, int m, int k, int n) : INumericKernelFactory
{
    /// <inheritdoc/>
    public Kernel Create<T>()
        where T : unmanaged, INumber<T>, IMinMaxValue<T> => new MatMulKernel<T>(leftBatch, rightBatch, batch, m, k, n);
}
