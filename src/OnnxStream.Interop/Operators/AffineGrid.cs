using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>The positions that an affine transformation gives the elements of an image, for GridSample. https://onnx.ai/onnx/operators/onnx__AffineGrid.html (opset 20)</summary>
/// <remarks>Two and three spatial dimensions. What the transformation is applied to are numbers from -1 to 1 along each of them; where a dimension of one element must have both, it is -1.</remarks>
internal sealed class AffineGrid : FunctionOperator
{
    // Neighbours for which shifts are repeated.
    private const long LeastBlock = 8;
    private const long MostBlock = 512;

    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        long[] size = context.RequireIntegers(1);
        Shape theta = context.InputShape(0);
        int dimensions = size.Length - 2;
        if (dimensions is not (2 or 3) || size.Any(length => length < 0) || theta != new Shape(size[0], dimensions, dimensions + 1))
        {
            throw context.Invalid($"transformations {theta} do not fit images [{Listing.Of(size)}]: expected [N,2,3] and [N,C,H,W], or [N,3,4] and [N,C,D,H,W]");
        }

        if (size.Skip(2).Any(length => length > SpatialAttributes.Largest))
        {
            throw context.Unsupported($"an image with a side of more than {SpatialAttributes.Largest:N0} elements");
        }

        bool alignsCorners = context.Attributes.Int("align_corners", 0) != 0;
        ElementType type = context.InputElementType(0);

        // Column k of the matrix as [N, 1, …, 1, dimensions]: innermost coordinates come first. The last column is the shift.
        long[] columnShape = [size[0], .. Enumerable.Repeat(1L, dimensions), dimensions];
        Value result = Column(dimensions);
        for (int k = dimensions - 1; k >= 0; k--)
        {
            int axis = dimensions - 1 - k;
            long length = size[axis + 2];
            double[] positions = new double[length];
            for (long i = 0; i < length; i++)
            {
                positions[i] = !alignsCorners ? (2 * i + 1) / (double)length - 1 : length == 1 ? -1 : 2 * i / (double)(length - 1) - 1;
            }

            long[] shape = [.. Enumerable.Repeat(1L, dimensions + 2)];
            shape[axis + 1] = length;
            Value moved = context.Add("Mul", [context.Cast(context.Constant<double>(positions, shape), type), Column(k)]);
            result = k == 0 ? AddRows(moved, result) : context.Add("Add", [moved, result]);
        }

        context.SetOutput(0, result);

        // A row's positions are the same for all rows but for a shift. Repeated for some neighbours, shifts are added to many numbers at a time.
        Value AddRows(Value row, Value shifts)
        {
            long width = size[^1];
            long[] outer = [size[0], .. size[2..^1]];
            long block = width == 0 ? 1 : Neighbours(width);
            if (block == 1 || outer.Contains(0))
            {
                return context.Add("Add", [row, shifts]);
            }

            Value repeated = context.Reshape(context.Add("Expand", [shifts, context.Integers([.. outer, block, dimensions])]), [.. outer, 1, block * dimensions]);
            long[] ones = [.. Enumerable.Repeat(1L, dimensions - 1)];
            Value sum = context.Add("Add", [context.Reshape(row, [size[0], .. ones, width / block, block * dimensions]), repeated]);
            return context.Reshape(sum, [.. outer, width, dimensions]);
        }

        // The least divisor that makes long runs.
        static long Neighbours(long width)
        {
            long block = Math.Min(width, LeastBlock);
            while (block < width && width % block != 0)
            {
                block++;
            }

            return block <= MostBlock ? block : 1;
        }

        Value Column(int index) => context.Reshape(context.Slice(context.Input(0), 2, index, index + 1), columnShape);
    }
}
