using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using static OnnxStream.Interop.Bindings.Xnnpack;

namespace OnnxStream.Interop.Kernels;

/// <summary>Element by element, two tensors of single or half precision with broadcasting: one output.</summary>
internal sealed unsafe class XnnBinary : XnnKernel
{
    private static readonly Lazy<bool> s_supportsHalf = new(TryHalf);

    private readonly xnn_binary_operator _type;

    /// <summary>Makes the kernel; <see cref="Supports"/> must hold.</summary>
    public XnnBinary(xnn_binary_operator type, ElementType elementType, Shape left, Shape right, WorkerPool workers)
    {
        _type = type;
        Operations = Math.Max(left.ElementCount, right.ElementCount);
        string details = $"{type} {left} {right}";
        xnn_operator* created = null;
        Own(xnn_create_binary_elementwise_nd(type, elementType == ElementType.Float16 ? xnn_datatype.xnn_datatype_fp16 : xnn_datatype.xnn_datatype_fp32, null, null, null, 0, &created), created, nameof(xnn_create_binary_elementwise_nd), details);
        (nuint[] a, nuint[] b) = Collapse(left, right);
        fixed (nuint* leftDimensions = a, rightDimensions = b)
        {
            Reshaped(xnn_reshape_binary_elementwise_nd(created, (nuint)a.Length, leftDimensions, (nuint)b.Length, rightDimensions, workers.For(Operations)), nameof(xnn_reshape_binary_elementwise_nd), details);
        }
    }

    /// <inheritdoc/>
    protected override long Operations { get; }

    /// <inheritdoc/>
    public override string Name => _type.ToString();

    /// <summary>Whether tensors of this type and these shapes can be combined: XNNPACK knows up to six dimensions, and half precision where the processor does.</summary>
    public static bool Supports(ElementType type, Shape left, Shape right) =>
        (type == ElementType.Float32 || (type == ElementType.Float16 && s_supportsHalf.Value)) && left.ElementCount > 0 && right.ElementCount > 0 && Collapse(left, right).Left.Length <= Bindings.Xnnpack.XNN_MAX_TENSOR_DIMS;

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => true;

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        XnnpackLibrary.Check(xnn_setup_binary_elementwise_nd(Operator, context.Input(0), context.Input(1), context.Output(0)), nameof(xnn_setup_binary_elementwise_nd), context.Call.NodeName);
        RunOperator(context);
    }

    private static bool TryHalf()
    {
        XnnpackLibrary.Initialize();
        xnn_operator* created = null;
        if (xnn_create_binary_elementwise_nd(xnn_binary_operator.xnn_binary_add, xnn_datatype.xnn_datatype_fp16, null, null, null, 0, &created) != xnn_status.xnn_status_success)
        {
            return false;
        }

        _ = xnn_delete_operator(created);
        return true;
    }

    // Neighbouring dimensions that are broadcast alike are one dimension.
    private static (nuint[] Left, nuint[] Right) Collapse(Shape left, Shape right)
    {
        int rank = Math.Max(left.Rank, right.Rank);
        List<nuint> a = [];
        List<nuint> b = [];
        int kind = -1;
        for (int i = 0; i < rank; i++)
        {
            long l = i < rank - left.Rank ? 1 : left[i - (rank - left.Rank)];
            long r = i < rank - right.Rank ? 1 : right[i - (rank - right.Rank)];
            if (l == 1 && r == 1)
            {
                continue;
            }

            int next = l == r ? 0 : l == 1 ? 1 : 2;
            if (next == kind)
            {
                a[^1] *= (nuint)l;
                b[^1] *= (nuint)r;
            }
            else
            {
                a.Add((nuint)l);
                b.Add((nuint)r);
            }

            kind = next;
        }

        return a.Count == 0 ? ([1], [1]) : ([.. a], [.. b]);
    }
}
