using System.Numerics;
using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>Add, Sub, Mul, Div: https://onnx.ai/onnx/operators/onnx__Add.html and its siblings.</summary>
/// <remarks>
/// Opset 7 brought NumPy's broadcasting; before, <c>broadcast</c> and <c>axis</c> aligned the second input. Integers are exact
/// and wrap around; integer division truncates. Single and half precision are XNNPACK's, everything else managed. Tensors of one shape may be stored in any formats.
/// </remarks>
internal sealed class BinaryArithmetic(xnn_binary_operator type) : Operator
{
    /// <inheritdoc/>
    public override bool StoresAlike => true;

    /// <inheritdoc/>
    public override bool CanReadStored(Node node, int input, RowFormat format) => CanWriteStored(node, format);

    /// <inheritdoc/>
    public override bool CanWriteStored(Node node, RowFormat format) =>
        node.Inputs.All(input => input is { Constant: null, Type: { ElementType: ElementType.Float32 } type } && type.Shape == node.Outputs[0]!.Type!.Value.Shape && type.Shape.Rank > 0);

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        if (context.InputCount != 2)
        {
            throw context.Invalid("two inputs are needed");
        }

        if (context.InputElementType(0) != context.InputElementType(1))
        {
            throw context.Invalid("both inputs must have the same element type");
        }

        context.SetOutput(0, context.InputElementType(0), context.Broadcast(context.InputShape(0), AlignedRight(context)));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor right = context.Input(1);
        PlanTensor[] tensors = [context.Input(0), right, context.Output(0)];
        if (tensors.Any(tensor => RowFormat.Of(tensor.ElementType).Together > 1))
        {
            context.Emit(CreateStored(tensors), tensors.AsSpan(0, 2), tensors.AsSpan(2));
            return;
        }

        Emit(context, type, context.Input(0), right.View(right.Name, right.Type with { Shape = AlignedRight(context) }), context.Output(0));
    }

    /// <summary>Emits the step that combines two tensors of one element type into a third of the broadcast shape.</summary>
    public static void Emit(LoweringContext context, xnn_binary_operator type, PlanTensor left, PlanTensor right, PlanTensor output)
    {
        Kernel kernel = XnnBinary.Supports(left.ElementType, left.Shape, right.Shape)
            ? new XnnBinary(type, left.ElementType, left.Shape, right.Shape, context.Workers)
            : NumericKernels.Create(left.ElementType, new Factory(type, output.Shape, left.Shape, right.Shape)) ??
                throw context.Unsupported($"element type {left.ElementType.ToOnnxName()}");
        context.Emit(kernel, [left, right], [output]);
    }

    /// <summary>The second input's shape; before opset 7, <c>axis</c> says where its dimensions start in the first one's.</summary>
    public static Shape AlignedRight(NodeContext context)
    {
        Shape right = context.InputShape(1);
        if (context.OperatorSet >= 7 || context.Attributes.Int("broadcast", 0) == 0 || !context.Attributes.Has("axis"))
        {
            return right;
        }

        int trailing = context.InputShape(0).Rank - context.Axis(context.Attributes.Int("axis", 0), context.InputShape(0).Rank) - right.Rank;
        return trailing < 0 ? throw context.Invalid("the second input has too many dimensions behind 'axis'") : new Shape([.. right.Dimensions, .. Enumerable.Repeat(1L, trailing)]);
    }

    private Kernel CreateStored(PlanTensor[] tensors)
    {
        (long rows, int columns) = (tensors[2].Shape.Product(0, tensors[2].Shape.Rank - 1), checked((int)tensors[2].Shape[^1]));
        (RowFormat left, RowFormat right, RowFormat output) = (RowFormat.Of(tensors[0].ElementType), RowFormat.Of(tensors[1].ElementType), RowFormat.Of(tensors[2].ElementType));
        return type switch
        {
            xnn_binary_operator.xnn_binary_add => new StoredBinaryKernel<AddFunction<float>>(rows, columns, left, right, output),
            xnn_binary_operator.xnn_binary_subtract => new StoredBinaryKernel<SubtractFunction<float>>(rows, columns, left, right, output),
            xnn_binary_operator.xnn_binary_multiply => new StoredBinaryKernel<MultiplyFunction<float>>(rows, columns, left, right, output),
            _ => new StoredBinaryKernel<DivideFunction<float>>(rows, columns, left, right, output),
        };
    }

    private readonly struct Factory(xnn_binary_operator type, Shape output, Shape left, Shape right) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> => type switch
            {
                xnn_binary_operator.xnn_binary_add => new BinaryKernel<T, T, AddFunction<T>>(output, left, right),
                xnn_binary_operator.xnn_binary_subtract => new BinaryKernel<T, T, SubtractFunction<T>>(output, left, right),
                xnn_binary_operator.xnn_binary_multiply => new BinaryKernel<T, T, MultiplyFunction<T>>(output, left, right),
                _ => new BinaryKernel<T, T, DivideFunction<T>>(output, left, right),
            };
    }
}
