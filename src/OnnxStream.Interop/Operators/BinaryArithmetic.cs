using System.Numerics;
using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Add, Sub, Mul, Div: https://onnx.ai/onnx/operators/onnx__Add.html and its siblings.</summary>
/// <remarks>
/// Opset 7 brought NumPy's broadcasting; before, <c>broadcast</c> and <c>axis</c> aligned the second input. Integers are exact
/// and wrap around; integer division truncates. Single and half precision are XNNPACK's, everything else managed.
/// </remarks>
internal sealed class BinaryArithmetic(xnn_binary_operator type) : Operator
{
    /// <inheritdoc/>
    public override bool StoresAlike => true;

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
