using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using static OnnxStream.Interop.Bindings.Xnnpack;

namespace OnnxStream.Interop.Kernels;

/// <summary>Height and width of a single-precision [N,H,W,C] at other numbers of points, interpolated linearly.</summary>
/// <remarks>The table of addresses and weights, 40 bytes for each output point, is made anew in scratch memory at each run.</remarks>
internal sealed unsafe class XnnResizeBilinear : XnnKernel
{
    // XNNPACK counts positions in single precision.
    private const long LongestDimension = 1 << 24;

    /// <summary>Makes the kernel; <see cref="Supports"/> must hold.</summary>
    /// <param name="input">The shape of the input.</param>
    /// <param name="height">The number of rows of the output.</param>
    /// <param name="width">The number of its columns.</param>
    /// <param name="coordinates">Where output positions lie.</param>
    /// <param name="workers">The threads.</param>
    public XnnResizeBilinear(Shape input, long height, long width, BilinearCoordinates coordinates, WorkerPool workers)
    {
        Operations = input[0] * height * width * input[3];
        string details = $"{input} to {height}x{width}";
        uint flags = XNN_FLAG_TRANSIENT_INDIRECTION_BUFFER | coordinates switch
        {
            BilinearCoordinates.AlignCorners => (uint)XNN_FLAG_ALIGN_CORNERS,
            BilinearCoordinates.Asymmetric => XNN_FLAG_TENSORFLOW_LEGACY_MODE,
            _ => 0,
        };
        nuint channels = (nuint)input[3];
        nuint workspace = 0;
        nuint alignment = 0;
        xnn_operator* created = null;
        Own(xnn_create_resize_bilinear2d_nhwc_f32((nuint)height, (nuint)width, flags, &created), created, nameof(xnn_create_resize_bilinear2d_nhwc_f32), details);
        Reshaped(
            xnn_reshape_resize_bilinear2d_nhwc_f32(created, (nuint)input[0], (nuint)input[1], (nuint)input[2], channels, channels, channels, &workspace, &alignment, workers.For(Operations)),
            nameof(xnn_reshape_resize_bilinear2d_nhwc_f32), details, workspace);
    }

    /// <inheritdoc/>
    protected override long Operations { get; }

    /// <inheritdoc/>
    public override string Name => "xnn resize bilinear";

    /// <summary>Whether XNNPACK can count so far.</summary>
    public static bool Supports(Shape input, long height, long width) =>
        input.ElementCount > 0 && Math.Max(Math.Max(input[1], input[2]), Math.Max(height, width)) < LongestDimension && height * width > 0;

    /// <summary>Where XNNPACK sees a position of the output, along a dimension, in the input.</summary>
    /// <remarks>The same operations in the same order: what is rounded elsewhere lies elsewhere.</remarks>
    public static float Coordinate(BilinearCoordinates coordinates, long input, long output, int position)
    {
        int adjustment = coordinates == BilinearCoordinates.AlignCorners && output != 1 ? 1 : 0;
        float scale = (float)(input - adjustment) / (output - adjustment);
        return coordinates == BilinearCoordinates.HalfPixel ? position * scale + (0.5f * scale - 0.5f) : position * scale;
    }

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        XnnpackLibrary.Check(xnn_setup_resize_bilinear2d_nhwc_f32(Operator, context.Scratch, (float*)context.Input(0), (float*)context.Output(0)), nameof(xnn_setup_resize_bilinear2d_nhwc_f32), context.Call.NodeName);
        RunOperator(context);
    }
}

/// <summary>Where the points of a resized image lie, as XNNPACK knows it.</summary>
internal enum BilinearCoordinates
{
    HalfPixel,
    AlignCorners,
    Asymmetric,
}
