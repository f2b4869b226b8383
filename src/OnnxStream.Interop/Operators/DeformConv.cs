using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>Convolution that reads each of its inputs at a position of its own, weighted by a mask. https://onnx.ai/onnx/operators/onnx__DeformConv.html (opset 19; 22 only added a type)</summary>
/// <remarks>Two spatial dimensions. The image is sampled at all positions of the kernel (GridSample), and a convolution over single positions adds them up.</remarks>
internal sealed class DeformConv : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Shape input = context.InputShape(0);
        Shape weight = context.InputShape(1);
        Shape offset = context.InputShape(2);
        if (input.Rank != 4 || weight.Rank != 4 || offset.Rank != 4)
        {
            throw input.Rank == 4 ? context.Invalid($"weights {weight} and offsets {offset} must have four dimensions") : context.Unsupported($"{input.Rank - 2} spatial dimensions");
        }

        long[] kernel = [weight[2], weight[3]];
        SpatialAttributes spatial = SpatialAttributes.Parse(context, kernel, input.Dimensions[2..]);
        (long positions, long groups) = (kernel[0] * kernel[1], context.Attributes.Int("offset_group", 1));
        (long height, long width) = (spatial.OutputSize(context, 0, input[2]), spatial.OutputSize(context, 1, input[3]));
        if (input[2] == 0 || input[3] == 0 || positions == 0 || groups < 1 || input[1] % groups != 0 || offset != new Shape(input[0], groups * positions * 2, offset[2], offset[3]) ||
            offset[2] != height || offset[3] != width)
        {
            throw context.Invalid($"offsets {offset} do not fit an image {input}, a kernel of {kernel[0]}x{kernel[1]} and {groups} groups: expected [{input[0]},{groups * positions * 2},{height},{width}]");
        }

        if (context.HasInput(4) && context.InputShape(4) != new Shape(input[0], groups * positions, offset[2], offset[3]))
        {
            throw context.Invalid($"the mask is {context.InputShape(4)}, expected [{input[0]},{groups * positions},{height},{width}]");
        }

        long channels = input[1] / groups;

        // [N, groups, positions, 2, H', W'], where y comes before x, and where the kernel lies without offsets.
        // Positions are never of half precision: a step of 1/1024 of an image is too much.
        ElementType type = context.InputElementType(0) == ElementType.Float64 ? ElementType.Float64 : ElementType.Float32;
        Value offsets = context.Reshape(context.Cast(context.Input(2), type), input[0], groups, positions, 2, height, width);
        Value y = Coordinate(0, [positions, height, 1], (position, row, _) => position / kernel[1] * spatial.Dilations[0] + row * spatial.Strides[0] - spatial.PadsBegin[0]);
        Value x = Coordinate(1, [positions, 1, width], (position, _, column) => position % kernel[1] * spatial.Dilations[1] + column * spatial.Strides[1] - spatial.PadsBegin[1]);
        List<Value> columns = [];
        for (long group = 0; group < groups; group++)
        {
            Value image = groups == 1 ? context.Input(0) : context.Slice(context.Input(0), 1, group * channels, (group + 1) * channels);
            Value grid = context.Add("Concat", [Group(x, group), Group(y, group)], ("axis", 3));
            Value sampled = context.Reshape(context.Add("GridSample", [image, grid], ("mode", "linear")), input[0], channels, positions, height, width);
            if (context.HasInput(4))
            {
                sampled = context.Add("Mul", [sampled, context.Reshape(context.Slice(context.Input(4), 1, group * positions, (group + 1) * positions), input[0], 1, positions, height, width)]);
            }

            columns.Add(context.Reshape(sampled, input[0], channels * positions, height, width));
        }

        context.SetOutput(0, context.Add(
            "Conv",
            [columns.Count == 1 ? columns[0] : context.Add("Concat", [.. columns], ("axis", 1)), context.Reshape(context.Input(1), weight[0], weight[1] * positions, 1, 1), context.OptionalInput(3)],
            ("group", context.Attributes.Int("group", 1))));

        // Positions in elements as GridSample counts them: -1 and 1 are the outer edges. [N, groups, positions, H', W'].
        Value Coordinate(int axis, long[] shape, Func<long, long, long, long> place)
        {
            double[] places = new double[shape[0] * shape[1] * shape[2]];
            for (long i = 0; i < places.Length; i++)
            {
                places[i] = place(i / (shape[1] * shape[2]), i / shape[2] % shape[1], i % shape[2]);
            }

            Value moved = context.Add("Add", [context.Reshape(context.Slice(offsets, 3, axis, axis + 1), input[0], groups, positions, height, width), context.Cast(context.Constant<double>(places, shape), type)]);
            double length = input[axis + 2];
            return context.Add("Add", [context.Add("Mul", [moved, context.Number(type, 2 / length)]), context.Number(type, 1 / length - 1)]);
        }

        Value Group(Value coordinate, long group) =>
            context.Reshape(groups == 1 ? coordinate : context.Slice(coordinate, 1, group, group + 1), input[0], positions * height, width, 1);
    }
}
