using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Tensors;
using static OnnxStream.Interop.Bindings.Xnnpack;

namespace OnnxStream.Interop.Kernels;

/// <summary>Permutes the dimensions of a tensor with elements of any type of 1, 2, 4 or 8 bytes.</summary>
internal sealed unsafe class XnnTranspose : XnnKernel
{
    private readonly int _elementSize;

    /// <summary>Makes the kernel; <see cref="Supports"/> must hold.</summary>
    /// <param name="elementSize">The size of an element in bytes.</param>
    /// <param name="input">The dimensions of the input.</param>
    /// <param name="permutation">For each dimension of the output, which one of the input it is.</param>
    /// <param name="workers">The threads.</param>
    public XnnTranspose(int elementSize, Shape input, ReadOnlySpan<int> permutation, WorkerPool workers)
    {
        _elementSize = elementSize;
        Operations = input.ElementCount;
        (long[] dimensions, int[] order) = TransposeDimensions.Of(input, permutation);
        string details = $"{input} [{Listing.Of(permutation.ToArray())}]";
        nuint* shape = stackalloc nuint[dimensions.Length];
        nuint* axes = stackalloc nuint[dimensions.Length];
        for (int i = 0; i < dimensions.Length; i++)
        {
            shape[i] = (nuint)dimensions[i];
            axes[i] = (nuint)order[i];
        }

        nuint rank = (nuint)dimensions.Length;
        xnn_operator* created = null;
        switch (elementSize)
        {
            case 1:
                Own(xnn_create_transpose_nd_x8(0, &created), created, nameof(xnn_create_transpose_nd_x8), details);
                Reshaped(xnn_reshape_transpose_nd_x8(created, rank, shape, axes, workers.For(Operations)), nameof(xnn_reshape_transpose_nd_x8), details);
                break;
            case 2:
                Own(xnn_create_transpose_nd_x16(0, &created), created, nameof(xnn_create_transpose_nd_x16), details);
                Reshaped(xnn_reshape_transpose_nd_x16(created, rank, shape, axes, workers.For(Operations)), nameof(xnn_reshape_transpose_nd_x16), details);
                break;
            case 4:
                Own(xnn_create_transpose_nd_x32(0, &created), created, nameof(xnn_create_transpose_nd_x32), details);
                Reshaped(xnn_reshape_transpose_nd_x32(created, rank, shape, axes, workers.For(Operations)), nameof(xnn_reshape_transpose_nd_x32), details);
                break;
            default:
                Own(xnn_create_transpose_nd_x64(0, &created), created, nameof(xnn_create_transpose_nd_x64), details);
                Reshaped(xnn_reshape_transpose_nd_x64(created, rank, shape, axes, workers.For(Operations)), nameof(xnn_reshape_transpose_nd_x64), details);
                break;
        }
    }

    /// <inheritdoc/>
    protected override long Operations { get; }

    /// <inheritdoc/>
    public override string Name => "xnn transpose";

    /// <summary>Whether XNNPACK can: it knows up to six dimensions (after joining neighbours that stay together).</summary>
    public static bool Supports(Shape input, ReadOnlySpan<int> permutation) =>
        input.ElementCount > 0 && TransposeDimensions.Of(input, permutation).Lengths.Length <= Bindings.Xnnpack.XNN_MAX_TENSOR_DIMS;

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        void* input = context.Input(0);
        void* output = context.Output(0);
        xnn_status status = _elementSize switch
        {
            1 => xnn_setup_transpose_nd_x8(Operator, input, output),
            2 => xnn_setup_transpose_nd_x16(Operator, input, output),
            4 => xnn_setup_transpose_nd_x32(Operator, input, output),
            _ => xnn_setup_transpose_nd_x64(Operator, input, output),
        };
        XnnpackLibrary.Check(status, "xnn_setup_transpose_nd", context.Call.NodeName);
        RunOperator(context);
    }
}
