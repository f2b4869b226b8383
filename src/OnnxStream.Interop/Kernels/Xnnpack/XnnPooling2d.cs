using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Kernels.Managed;
using OnnxStream.Interop.Native;
using static OnnxStream.Interop.Bindings.Xnnpack;

namespace OnnxStream.Interop.Kernels.Xnnpack;

/// <summary>Maximum or mean of windows over height and width of a single-precision [N,H,W,C].</summary>
/// <remarks>Means are those of the elements in the input: padding does not count.</remarks>
internal sealed unsafe class XnnPooling2d : XnnKernel
{
    // XNNPACK keeps an address for each element of each window of a row, outside of the plan's memory.
    private const long LargestTableBytes = 1 << 20;

    private readonly bool _isMaximum;

    /// <summary>Makes the kernel; <see cref="Supports"/> must hold.</summary>
    /// <param name="geometry">The windows; its planes are items.</param>
    /// <param name="channels">The number of channels.</param>
    /// <param name="isMaximum">Whether to take maxima instead of means.</param>
    /// <param name="workers">The threads.</param>
    /// <param name="inputStride">Elements from a pixel of the input to the next.</param>
    /// <param name="outputStride">Elements from a pixel of the output to the next.</param>
    public XnnPooling2d(PoolingGeometry geometry, long channels, bool isMaximum, WorkerPool workers, long inputStride, long outputStride)
    {
        _isMaximum = isMaximum;
        Operations = geometry.OutputRows * geometry.Output[2] * channels * geometry.WindowElements / 16;
        string details = $"[{geometry.Planes},{geometry.Input[1]},{geometry.Input[2]},{channels}] {geometry.Kernel[1]}x{geometry.Kernel[2]}";
        uint top = (uint)geometry.PadsBegin[1];
        uint left = (uint)geometry.PadsBegin[2];
        uint bottom = (uint)PadEnd(geometry, 1);
        uint right = (uint)PadEnd(geometry, 2);
        uint height = (uint)geometry.Kernel[1];
        uint width = (uint)geometry.Kernel[2];
        uint down = (uint)geometry.Strides[1];
        uint across = (uint)geometry.Strides[2];
        nuint batch = (nuint)geometry.Planes;
        nuint rows = (nuint)geometry.Input[1];
        nuint columns = (nuint)geometry.Input[2];
        nuint depth = (nuint)channels;
        xnn_operator* created = null;
        if (isMaximum)
        {
            Own(xnn_create_max_pooling2d_nhwc_f32(top, right, bottom, left, height, width, down, across, 1, 1, float.NegativeInfinity, float.PositiveInfinity, 0, &created), created, nameof(xnn_create_max_pooling2d_nhwc_f32), details);
            Reshaped(xnn_reshape_max_pooling2d_nhwc_f32(created, batch, rows, columns, depth, (nuint)inputStride, (nuint)outputStride, null, null, workers.For(Operations)), nameof(xnn_reshape_max_pooling2d_nhwc_f32), details);
            return;
        }

        nuint workspace = 0;
        nuint alignment = 0;
        Own(xnn_create_average_pooling2d_nhwc_f32(top, right, bottom, left, height, width, down, across, float.NegativeInfinity, float.PositiveInfinity, 0, &created), created, nameof(xnn_create_average_pooling2d_nhwc_f32), details);
        Reshaped(xnn_reshape_average_pooling2d_nhwc_f32(created, batch, rows, columns, depth, (nuint)inputStride, (nuint)outputStride, &workspace, &alignment, null, null, workers.For(Operations)), nameof(xnn_reshape_average_pooling2d_nhwc_f32), details, workspace);
    }

    /// <inheritdoc/>
    protected override long Operations { get; }

    /// <inheritdoc/>
    public override string Name => _isMaximum ? "xnn max pooling" : "xnn average pooling";

    /// <summary>Whether XNNPACK means the same windows: it wants some of the input in each, and none between two of them.</summary>
    /// <remarks>Elements in the padding are replaced by the nearest ones on the border, which with dilations the window may not cover.</remarks>
    public static bool Supports(PoolingGeometry geometry)
    {
        for (int axis = 1; axis <= 2; axis++)
        {
            if (geometry.Dilations[axis] != 1 || geometry.Strides[axis] > geometry.Kernel[axis] || geometry.PadsBegin[axis] >= geometry.Kernel[axis] ||
                geometry.Position(axis, geometry.Output[axis] - 1, 0) >= geometry.Input[axis])
            {
                return false;
            }
        }

        long size = geometry.Kernel[1] * geometry.Kernel[2];
        return size is > 1 and < 1 << 16 && geometry.Output[1] * (size + geometry.Output[2] * geometry.Strides[2] * geometry.Kernel[1]) * sizeof(void*) <= LargestTableBytes;
    }

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        float* input = (float*)context.Input(0);
        float* output = (float*)context.Output(0);
        if (_isMaximum)
        {
            XnnpackLibrary.Check(xnn_setup_max_pooling2d_nhwc_f32(Operator, input, output), nameof(xnn_setup_max_pooling2d_nhwc_f32), context.Step.NodeName);
        }
        else
        {
            XnnpackLibrary.Check(xnn_setup_average_pooling2d_nhwc_f32(Operator, context.Scratch, input, output), nameof(xnn_setup_average_pooling2d_nhwc_f32), context.Step.NodeName);
        }

        RunOperator(context);
    }

    // The padding behind the input that gives as many windows as ONNX counts: with ceil_mode, the last ones may reach further.
    private static long PadEnd(PoolingGeometry geometry, int axis) =>
        Math.Max(0, geometry.Position(axis, geometry.Output[axis] - 1, geometry.Kernel[axis] - 1) + 1 - geometry.Input[axis]);
}
