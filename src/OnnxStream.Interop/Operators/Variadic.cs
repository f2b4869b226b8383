using System.Numerics;
using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Max, Min, Sum, Mean of any number of tensors, element by element: https://onnx.ai/onnx/operators/onnx__Max.html and its siblings.</summary>
/// <remarks>
/// Opset 8 brought NumPy's broadcasting, 12 integers for Max and Min; 13 only added types. A maximum or minimum with NaN is NaN,
/// which is not what XNNPACK computes, so only sums are its own.
/// </remarks>
internal sealed class Variadic(VariadicFunction function) : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape shape = context.InputShape(0);
        ElementType type = context.InputElementType(0);
        for (int i = 1; i < context.InputCount; i++)
        {
            if (context.InputElementType(i) != type)
            {
                throw context.Invalid("all inputs must have the same element type");
            }

            shape = context.Broadcast(shape, context.InputShape(i));
        }

        if (function is VariadicFunction.Sum or VariadicFunction.Mean && !type.IsFloat())
        {
            throw context.Invalid("the inputs must be floating-point tensors");
        }

        context.SetOutput(0, type, shape);
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor first = context.Input(0);
        if (context.InputCount == 1)
        {
            context.View(0, first);
            return;
        }

        // All but the last combination are partial results in the output's own memory.
        PlanTensor output = context.Output(0);
        PlanTensor left = first;
        for (int i = 1; i < context.InputCount; i++)
        {
            PlanTensor right = context.Input(i);
            context.Emit(CreateKernel(context, left.Shape, right.Shape, output.Shape), [left, right], [output]);
            left = output;
        }

        if (function == VariadicFunction.Mean)
        {
            context.Emit(ScaleKernel.Create(output.ElementType, 1f / context.InputCount, output.ElementCount), [output], [output]);
        }
    }

    private Kernel CreateKernel(LoweringContext context, Shape left, Shape right, Shape output)
    {
        ElementType type = context.OutputElementType(0);
        return function is VariadicFunction.Sum or VariadicFunction.Mean && type == ElementType.Float32 && XnnBinary.Supports(type, left, right) && context.Broadcast(left, right) == output
            ? new XnnBinary(xnn_binary_operator.xnn_binary_add, type, left, right, context.Workers)
            : NumericKernels.Create(type, new Factory(function, output, left, right)) ?? throw context.Unsupported($"element type {type.ToOnnxName()}");
    }

    private readonly struct Factory(VariadicFunction function, Shape output, Shape left, Shape right) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> => function switch
            {
                VariadicFunction.Max => new BinaryKernel<T, T, MaximumFunction<T>>(output, left, right),
                VariadicFunction.Min => new BinaryKernel<T, T, MinimumFunction<T>>(output, left, right),
                _ => new BinaryKernel<T, T, AddFunction<T>>(output, left, right),
            };
    }
}

/// <summary>The functions of <see cref="Variadic"/>.</summary>
internal enum VariadicFunction
{
    Max,
    Min,
    Sum,
    Mean,
}
