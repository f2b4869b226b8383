using System.Numerics;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Resize and Upsample: the input at other numbers of points. https://onnx.ai/onnx/operators/onnx__Resize.html</summary>
/// <remarks>
/// Upsample 1 takes two scales as attributes, 7 all as one, 9 as an input; Resize 10 replaced it, 11 brought coordinate transformations, cubic
/// and sizes, 18 axes, antialiasing and aspect ratios, 19 <c>half_pixel_symmetric</c>. Linear and cubic work on any number of
/// dimensions, one after the other. Antialiasing is for floating-point types. XNNPACK interpolates channels-last images linearly
/// where its coordinates are ONNX's.
/// </remarks>
internal sealed class Resize : Operator
{
    private const double LargestDimension = int.MaxValue;

    // How far off, in elements of the input, an interpolated position may lie.
    private const float LargestDeviation = 2e-6f;

    private enum InterpolationMode
    {
        Nearest,
        Linear,
        Cubic,
    }

    private readonly record struct ResizeAttributes(
        InterpolationMode Mode, string CoordinateMode, string NearestMode, double CubicCoefficient, bool ExcludeOutside, bool IsAntialiased, double Filler, string AspectRatio)
    {
        public static ResizeAttributes Parse(NodeContext context)
        {
            Graphs.Attributes attributes = context.Attributes;
            string mode = attributes.String("mode", "nearest");
            return new ResizeAttributes(
                mode switch
                {
                    "nearest" => InterpolationMode.Nearest,
                    "linear" or "bilinear" or "trilinear" => InterpolationMode.Linear,
                    "cubic" when context.OperatorSet >= 11 => InterpolationMode.Cubic,
                    _ => throw context.Invalid($"mode '{mode}' is not one of nearest, linear, cubic"),
                },
                context.OperatorSet < 11 ? "asymmetric" : OneOf(
                    context, "coordinate_transformation_mode", "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize"),
                context.OperatorSet < 11 ? "simple" : OneOf(context, "nearest_mode", "round_prefer_floor", "round_prefer_ceil", "floor", "ceil"),
                attributes.Float("cubic_coeff_a", -0.75f),
                attributes.Int("exclude_outside", 0) != 0,
                attributes.Int("antialias", 0) != 0,
                attributes.Float("extrapolation_value", 0),
                OneOf(context, "keep_aspect_ratio_policy", "stretch", "not_larger", "not_smaller"));
        }

        // The first is the default.
        private static string OneOf(NodeContext context, string name, params ReadOnlySpan<string> values)
        {
            string value = context.Attributes.String(name, values[0]);
            return values.Contains(value) ? value : throw context.Invalid($"{name} '{value}' is not one of {string.Join(", ", values.ToArray())}");
        }
    }

    // For each dimension: the resized length, the scale, and the part of the input that is used.
    private readonly record struct Geometry(long[] Lengths, float[] Scales, float[] Starts, float[] Ends);

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        ResizeAttributes attributes = ResizeAttributes.Parse(context);
        ElementType type = context.InputElementType(0);
        if (attributes.Mode != InterpolationMode.Nearest && !type.IsFloat() && !type.IsInteger())
        {
            throw context.Invalid($"elements of type {type.ToOnnxName()} cannot be interpolated");
        }

        if (attributes.IsAntialiased && attributes.Mode == InterpolationMode.Nearest)
        {
            throw context.Invalid("antialiasing is for linear and cubic interpolation");
        }

        context.SetOutput(0, type, new Shape(GeometryOf(context, attributes).Lengths));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        ResizeAttributes attributes = ResizeAttributes.Parse(context);
        Geometry geometry = GeometryOf(context, attributes);
        PlanTensor input = context.Input(0);
        if (input.Shape.Rank == 0)
        {
            context.View(0, input);
            return;
        }

        PlanTensor output = context.Output(0);
        if (output.ElementCount == 0)
        {
            return;
        }

        if (attributes.Mode == InterpolationMode.Nearest)
        {
            int[]?[] indices = new int[input.Shape.Rank][];
            for (int i = 0; i < indices.Length; i++)
            {
                indices[i] = IsKept(input.Shape, geometry, i) ? null : NearestIndices(attributes, geometry, input.Shape, i);
            }

            context.Emit(new NearestResizeKernel(input.ElementType.SizeOf(), input.Shape, output.Shape, indices, FillerBytes(input.ElementType, attributes.Filler)), [input], [output]);
            return;
        }

        if (attributes.IsAntialiased && !input.ElementType.IsFloat())
        {
            throw context.Unsupported($"antialiasing of {input.ElementType.ToOnnxName()}");
        }

        if (CreateBilinear(context, attributes, geometry, input, output) is { } bilinear)
        {
            context.Emit(bilinear, [input], [output]);
            return;
        }

        // Dimensions that shrink come first and those that grow last, to touch the fewest elements. The innermost is the slowest: where it shrinks like
        // others it comes behind them, where it grows like them before them.
        double Growth(int axis) => (double)geometry.Lengths[axis] / input.Shape[axis];
        int[] order = [.. Enumerable.Range(0, input.Shape.Rank).Where(i => !IsKept(input.Shape, geometry, i)).OrderBy(Growth).ThenBy(i => Growth(i) < 1 ? i : -i)];
        if (order.Length == 0)
        {
            context.View(0, input);
            return;
        }

        ElementType compute = input.ElementType == ElementType.Float64 || input.ElementType is ElementType.Int64 or ElementType.UInt64 or ElementType.Int32 or ElementType.UInt32 ? ElementType.Float64 : ElementType.Float32;
        PlanTensor current = input;
        for (int i = 0; i < order.Length; i++)
        {
            int axis = order[i];
            PlanTensor next = i == order.Length - 1 ? output : context.Temporary(new TensorType(compute, current.Shape.With(axis, geometry.Lengths[axis])));
            InterpolationTable table = attributes.IsAntialiased ? AntialiasedTable(attributes, geometry, input.Shape, axis) : Table(attributes, geometry, input.Shape, axis);
            long outer = current.Shape.Product(0, axis);
            long inner = current.Shape.Product(axis + 1, current.Shape.Rank);
            Factory factory = new(table, outer, inner, attributes.Filler, current.ElementType, next.ElementType);
            context.Emit(NumericKernels.Create(input.ElementType, factory) ?? throw context.Unsupported($"element type {input.ElementType.ToOnnxName()}"), [current], [next]);
            current = next;
        }
    }

    // XNNPACK's kernel, where it interpolates channels-last images between the same points.
    private static XnnResizeBilinear? CreateBilinear(LoweringContext context, ResizeAttributes attributes, Geometry geometry, PlanTensor input, PlanTensor output)
    {
        if (attributes.Mode != InterpolationMode.Linear || attributes.IsAntialiased || input.ElementType != ElementType.Float32 || input.Shape.Rank != 4 ||
            !IsKept(input.Shape, geometry, 0) || !IsKept(input.Shape, geometry, 3) || !XnnResizeBilinear.Supports(input.Shape, output.Shape[1], output.Shape[2]))
        {
            return null;
        }

        BilinearCoordinates? coordinates = attributes.CoordinateMode switch
        {
            "half_pixel" or "half_pixel_symmetric" or "pytorch_half_pixel" => BilinearCoordinates.HalfPixel,
            "align_corners" => BilinearCoordinates.AlignCorners,
            "asymmetric" => BilinearCoordinates.Asymmetric,
            _ => null,
        };
        if (coordinates is not { } known)
        {
            return null;
        }

        for (int axis = 1; axis <= 2; axis++)
        {
            float last = input.Shape[axis] - 1;
            for (int i = 0; i < output.Shape[axis]; i++)
            {
                float expected = Math.Clamp(Coordinate(attributes, geometry, input.Shape, axis, i), 0, last);
                float actual = Math.Clamp(XnnResizeBilinear.Coordinate(known, input.Shape[axis], output.Shape[axis], i), 0, last);
                if (!(MathF.Abs(actual - expected) <= LargestDeviation))
                {
                    return null;
                }
            }
        }

        return new XnnResizeBilinear(input.Shape, output.Shape[1], output.Shape[2], known, context.Workers);
    }

    private static bool IsKept(Shape input, Geometry geometry, int axis) =>
        geometry.Lengths[axis] == input[axis] && geometry.Scales[axis] == 1 && geometry.Starts[axis] == 0 && geometry.Ends[axis] == 1;

    private static long FillerBytes(ElementType type, double filler)
    {
        switch (type)
        {
            case ElementType.Float32:
                return BitConverter.SingleToInt32Bits((float)filler);
            case ElementType.Float64:
                return BitConverter.DoubleToInt64Bits(filler);
            case ElementType.Float16:
                return BitConverter.HalfToInt16Bits((Half)filler);
            case ElementType.Bool:
                return filler != 0 ? 1 : 0;
            default:
                return (long)filler;
        }
    }

    private static Geometry GeometryOf(NodeContext context, ResizeAttributes attributes)
    {
        Shape input = context.InputShape(0);
        int rank = input.Rank;
        bool isUpsample = context.Node.OperatorType == "Upsample";
        (int scalesInput, int sizesInput) = isUpsample || context.OperatorSet < 11 ? (1, -1) : (2, 3);
        float[]? scales = isUpsample && context.OperatorSet < 9
            ? context.Attributes.Floats("scales") ?? (context.OperatorSet < 7 ? [1, 1, context.Attributes.Float("height_scale", 0), context.Attributes.Float("width_scale", 0)] : throw context.Invalid("attribute 'scales' is missing"))
            : context.HasInput(scalesInput) && context.InputShape(scalesInput).ElementCount > 0 ? context.RequireFloats(scalesInput) : null;
        long[]? sizes = sizesInput > 0 && context.HasInput(sizesInput) && context.InputShape(sizesInput).ElementCount > 0 ? context.RequireIntegers(sizesInput) : null;
        int[] axes = context.OperatorSet >= 18 && context.Attributes.Ints("axes") is { } given ? context.Axes(given, rank) : [.. Enumerable.Range(0, rank)];
        if ((scales is null) == (sizes is null) && axes.Length > 0)
        {
            throw context.Invalid("either scales or sizes must be given");
        }

        if ((scales?.Length ?? sizes?.Length ?? 0) != axes.Length)
        {
            throw context.Invalid($"there are {scales?.Length ?? sizes!.Length} scales or sizes for {axes.Length} dimensions");
        }

        Geometry geometry = new(input.ToArray(), new float[rank], new float[rank], new float[rank]);
        Array.Fill(geometry.Scales, 1);
        Array.Fill(geometry.Ends, 1);
        for (int i = 0; i < axes.Length; i++)
        {
            long length = input[axes[i]];
            if (scales is not null)
            {
                if (!(scales[i] > 0) || !(scales[i] * (float)length < LargestDimension))
                {
                    throw context.Invalid($"scale {scales[i]} of dimension {axes[i]} is not possible");
                }

                geometry.Scales[axes[i]] = scales[i];
                geometry.Lengths[axes[i]] = (long)(scales[i] * (float)length);
                continue;
            }

            if (sizes![i] is < 0 or > int.MaxValue || (length == 0 && sizes[i] != 0))
            {
                throw context.Invalid($"a dimension of {length} cannot be resized to {sizes[i]}");
            }

            geometry.Lengths[axes[i]] = sizes[i];
            geometry.Scales[axes[i]] = length == 0 ? 1 : sizes[i] / (float)length;
        }

        if (sizes is not null && attributes.AspectRatio != "stretch" && axes.Length > 0)
        {
            float scale = attributes.AspectRatio == "not_larger" ? axes.Min(axis => geometry.Scales[axis]) : axes.Max(axis => geometry.Scales[axis]);
            foreach (int axis in axes)
            {
                geometry.Scales[axis] = scale;
                geometry.Lengths[axis] = (long)MathF.Round(scale * input[axis], MidpointRounding.AwayFromZero);
            }
        }

        if (attributes.CoordinateMode == "tf_crop_and_resize" && context.HasInput(1) && context.InputShape(1).ElementCount > 0)
        {
            float[] region = context.RequireFloats(1);
            if (region.Length != 2 * axes.Length)
            {
                throw context.Invalid($"the region of interest has {region.Length} numbers, expected {2 * axes.Length}");
            }

            for (int i = 0; i < axes.Length; i++)
            {
                geometry.Starts[axes[i]] = region[i];
                geometry.Ends[axes[i]] = region[axes.Length + i];
            }
        }

        return geometry;
    }

    // Where an output position lies in the input. Single precision, as other runtimes: positions on the edge of two elements depend on it.
    private static float Coordinate(ResizeAttributes attributes, Geometry geometry, Shape input, int axis, int position)
    {
        float length = geometry.Lengths[axis];
        float original = input[axis];
        float scale = geometry.Scales[axis];
        switch (attributes.CoordinateMode)
        {
            case "asymmetric":
                return position / scale;
            case "pytorch_half_pixel":
                return length > 1 ? (position + 0.5f) / scale - 0.5f : 0;
            case "tf_half_pixel_for_nn":
                return (position + 0.5f) / scale;
            case "align_corners":
                return length == 1 ? 0 : position * (original - 1) / (length - 1);
            case "tf_crop_and_resize":
                float start = geometry.Starts[axis];
                float end = geometry.Ends[axis];
                return length > 1
                    ? start * (original - 1) + position * (end - start) * (original - 1) / (length - 1)
                    : (float)(0.5 * (start + end) * (original - 1));
            case "half_pixel_symmetric":
                float offset = original / 2 * (1 - length / (scale * original));
                return (float)(offset + (position + 0.5) / scale - 0.5);
            default:
                return (position + 0.5f) / scale - 0.5f;
        }
    }

    private static bool IsOutside(ResizeAttributes attributes, Shape input, int axis, float coordinate) =>
        attributes.CoordinateMode == "tf_crop_and_resize" && !(coordinate >= 0 && coordinate <= input[axis] - 1);

    private static int[] NearestIndices(ResizeAttributes attributes, Geometry geometry, Shape input, int axis)
    {
        int[] indices = new int[geometry.Lengths[axis]];
        for (int i = 0; i < indices.Length; i++)
        {
            float x = Coordinate(attributes, geometry, input, axis, i);
            float nearest = attributes.NearestMode switch
            {
                "round_prefer_floor" => x == MathF.Truncate(x) + 0.5f ? MathF.Floor(x) : MathF.Round(x, MidpointRounding.AwayFromZero),
                "round_prefer_ceil" => MathF.Round(x, MidpointRounding.AwayFromZero),
                "floor" => MathF.Floor(x),
                "ceil" => MathF.Ceiling(x),
                _ => geometry.Scales[axis] < 1 ? MathF.Ceiling(x) : MathF.Truncate(x),
            };
            indices[i] = IsOutside(attributes, input, axis, x) ? -1 : (int)Math.Clamp(nearest, 0, input[axis] - 1);
        }

        return indices;
    }

    private static InterpolationTable Table(ResizeAttributes attributes, Geometry geometry, Shape input, int axis)
    {
        int length = (int)geometry.Lengths[axis];
        int last = checked((int)input[axis] - 1);
        int taps = attributes.Mode == InterpolationMode.Linear ? 2 : 4;
        int[] indices = new int[length * taps];
        double[] weights = new double[indices.Length];
        bool[] isOutside = new bool[length];
        for (int i = 0; i < length; i++)
        {
            float x = Coordinate(attributes, geometry, input, axis, i);
            isOutside[i] = IsOutside(attributes, input, axis, x);
            if (taps == 2)
            {
                float clamped = float.IsNaN(x) ? 0 : Math.Clamp(x, 0, last);
                int left = Math.Min((int)clamped, last);
                (indices[2 * i], indices[2 * i + 1]) = (left, Math.Min(left + 1, last));
                (weights[2 * i], weights[2 * i + 1]) = (1 - (clamped - left), clamped - left);
                continue;
            }

            int floor = (int)Math.Clamp(MathF.Floor(x), -4, last + 4f);
            double sum = 0;
            for (int k = 0; k < 4; k++)
            {
                int index = floor - 1 + k;
                double weight = attributes.ExcludeOutside && (index < 0 || index > last) ? 0 : CubicWeight(x - index, attributes.CubicCoefficient);
                indices[4 * i + k] = Math.Clamp(index, 0, last);
                weights[4 * i + k] = weight;
                sum += weight;
            }

            Normalize(weights.AsSpan(4 * i, 4), attributes.ExcludeOutside ? sum : 1);
        }

        return new InterpolationTable(input[axis], taps, indices, weights, isOutside.AsSpan().Contains(true) ? isOutside : null);
    }

    // The kernel of the interpolation is stretched over all input elements that an output element covers.
    private static InterpolationTable AntialiasedTable(ResizeAttributes attributes, Geometry geometry, Shape input, int axis)
    {
        int length = (int)geometry.Lengths[axis];
        int last = checked((int)input[axis] - 1);
        float stretch = Math.Max(1, 1 / geometry.Scales[axis]);
        float support = (attributes.Mode == InterpolationMode.Linear ? 1 : 2) * stretch;
        int taps = checked((int)MathF.Ceiling(support) * 2 + 1);
        int[] indices = new int[checked(length * taps)];
        double[] weights = new double[indices.Length];
        bool[] isOutside = new bool[length];
        for (int i = 0; i < length; i++)
        {
            float x = Coordinate(attributes, geometry, input, axis, i);
            isOutside[i] = IsOutside(attributes, input, axis, x);
            int first = (int)MathF.Floor(x - support + 1);
            int end = (int)MathF.Floor(x + support + 1);
            double sum = 0;
            for (int k = 0; k < taps; k++)
            {
                int index = first + k;
                double distance = Math.Abs((index - x) / stretch);
                double weight = index >= end || (attributes.ExcludeOutside && (index < 0 || index > last)) ? 0 :
                    attributes.Mode == InterpolationMode.Linear ? Math.Max(0, 1 - distance) : CubicWeight(distance, attributes.CubicCoefficient);
                indices[taps * i + k] = Math.Clamp(index, 0, last);
                weights[taps * i + k] = weight;
                sum += weight;
            }

            Normalize(weights.AsSpan(taps * i, taps), sum);
        }

        return new InterpolationTable(input[axis], taps, indices, weights, isOutside.AsSpan().Contains(true) ? isOutside : null);
    }

    private static void Normalize(Span<double> weights, double sum)
    {
        foreach (ref double weight in weights)
        {
            weight /= sum == 0 ? 1 : sum;
        }
    }

    // R. Keys: "Cubic convolution interpolation for digital image processing", IEEE Transactions on Acoustics, Speech, and Signal Processing 29 (1981).
    private static double CubicWeight(double distance, double a)
    {
        double x = Math.Abs(distance);
        return x <= 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : x < 2 ? ((x - 5) * x + 8) * x * a - 4 * a : 0;
    }

    // Kernels between the element type and the one that is computed in.
    private readonly struct Factory(InterpolationTable table, long outer, long inner, double filler, ElementType from, ElementType to) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> =>
            Unsafe.SizeOf<T>() == 8 || typeof(T) == typeof(int) || typeof(T) == typeof(uint) ? Create<T, double>() : Create<T, float>();

        private Kernel Create<T, TCompute>()
            where T : unmanaged, INumber<T>
            where TCompute : unmanaged, IFloatingPointIeee754<TCompute>
        {
            bool isFirst = from == ElementTypes.Of<T>();
            bool isLast = to == ElementTypes.Of<T>();
            return isFirst
                ? isLast ? new InterpolationKernel<T, T, TCompute>(table, outer, inner, filler) : new InterpolationKernel<T, TCompute, TCompute>(table, outer, inner, filler)
                : isLast ? new InterpolationKernel<TCompute, T, TCompute>(table, outer, inner, filler) : new InterpolationKernel<TCompute, TCompute, TCompute>(table, outer, inner, filler);
        }
    }
}
