using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Tensors;
using static OnnxStream.Interop.Bindings.Xnnpack;

namespace OnnxStream.Interop.Kernels;

/// <summary>Products of single-precision matrices that are both computed at run time: [batch, M, K] x [batch, K, N].</summary>
internal sealed unsafe class XnnBatchMatMul : XnnKernel
{
    /// <summary>Makes the kernel; batch dimensions of 1 are broadcast.</summary>
    public XnnBatchMatMul(ReadOnlySpan<long> leftBatch, ReadOnlySpan<long> rightBatch, long m, long k, long n, bool transposeRight, WorkerPool workers)
    {
        string details = $"[{Listing.Of(leftBatch.ToArray())}]x[{Listing.Of(rightBatch.ToArray())}] {m}x{k}x{n}";
        Operations = m * k * n / 8;
        for (int i = 0; i < leftBatch.Length; i++)
        {
            Operations *= Math.Max(leftBatch[i], rightBatch[i]);
        }

        xnn_operator* created = null;
        Own(xnn_create_batch_matrix_multiply_nc_f32(transposeRight ? (uint)XNN_FLAG_TRANSPOSE_B : 0, &created), created, nameof(xnn_create_batch_matrix_multiply_nc_f32), details);
        nuint* left = stackalloc nuint[leftBatch.Length + 1];
        nuint* right = stackalloc nuint[rightBatch.Length + 1];
        for (int i = 0; i < leftBatch.Length; i++)
        {
            left[i] = (nuint)leftBatch[i];
            right[i] = (nuint)rightBatch[i];
        }

        nuint workspace = 0;
        nuint alignment = 0;
        Reshaped(xnn_reshape_batch_matrix_multiply_nc_f32(created, (nuint)leftBatch.Length, left, right, (nuint)m, (nuint)k, (nuint)n, &workspace, &alignment, workers.For(Operations)), nameof(xnn_reshape_batch_matrix_multiply_nc_f32), details, workspace);
    }

    /// <summary>Multiplications, of which several take the time of an element.</summary>
    protected override long Operations { get; }

    /// <inheritdoc/>
    public override long Flops => 16 * Operations;

    /// <inheritdoc/>
    public override string Name => "xnn batch matrix multiply";

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        XnnpackLibrary.Check(xnn_setup_batch_matrix_multiply_nc_f32(Operator, context.Scratch, (float*)context.Input(0), (float*)context.Input(1), (float*)context.Output(0)), nameof(xnn_setup_batch_matrix_multiply_nc_f32), context.Call.NodeName);
        RunOperator(context);
    }
}
