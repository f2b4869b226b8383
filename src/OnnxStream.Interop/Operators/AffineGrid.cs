using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>The positions that an affine transformation gives the elements of an image, for GridSample. https://onnx.ai/onnx/operators/onnx__AffineGrid.html (opset 20)</summary>
/// <remarks>Two and three spatial dimensions. What the transformation is applied to are numbers from -1 to 1 along each of them; where a dimension of one element must have both, it is -1.</remarks>
internal sealed class AffineGrid : FunctionOperator
{
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
            result = context.Add("Add", [context.Add("Mul", [context.Cast(context.Constant<double>(positions, shape), type), Column(k)]), result]);
        }

        context.SetOutput(0, result);

        Value Column(int index) => context.Reshape(context.Slice(context.Input(0), 2, index, index + 1), columnShape);
    }
}
