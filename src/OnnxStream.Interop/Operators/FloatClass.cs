using System.Numerics;
using System.Numerics.Tensors;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>IsNaN and IsInf: which elements are no numbers, or infinite. https://onnx.ai/onnx/operators/onnx__IsInf.html and its sibling.</summary>
/// <remarks>IsInf can be told to ignore one of the two infinities. Opsets 13 and 20 only added types, 20 8-bit floats.</remarks>
internal sealed class FloatClass(bool isInfinity) : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        if (!context.InputElementType(0).IsFloat() && !context.InputElementType(0).IsNarrowFloat())
        {
            throw context.Invalid("the input must be a floating-point tensor");
        }

        context.SetOutput(0, ElementType.Bool, context.InputShape(0));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor input = context.Input(0);
        input = input.ElementType.IsNarrowFloat() ? Cast.Emit(context, input, ElementType.Float32) : input;
        bool positive = isInfinity && context.Attributes.Int("detect_positive", 1) != 0;
        bool negative = isInfinity && context.Attributes.Int("detect_negative", 1) != 0;
        Kernel kernel = input.ElementType switch
        {
            ElementType.Float32 => new UnaryKernel<float, bool, Function<float>>(input.Shape, new(!isInfinity, positive, negative)),
            ElementType.Float64 => new UnaryKernel<double, bool, Function<double>>(input.Shape, new(!isInfinity, positive, negative)),
            ElementType.Float16 => new UnaryKernel<Half, bool, Function<Half>>(input.Shape, new(!isInfinity, positive, negative)),
            _ => throw context.Unsupported($"element type {input.ElementType.ToOnnxName()}"),
        };
        context.Emit(kernel, [input], [context.Output(0)]);
    }

    private readonly struct Function<T>(bool notANumber, bool positive, bool negative) : IUnaryFunction<T, bool>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public void Invoke(ReadOnlySpan<T> input, Span<bool> output)
        {
            if (notANumber)
            {
                TensorPrimitives.IsNaN(input, output);
            }
            else if (positive && negative)
            {
                TensorPrimitives.IsInfinity(input, output);
            }
            else if (positive)
            {
                TensorPrimitives.IsPositiveInfinity(input, output);
            }
            else if (negative)
            {
                TensorPrimitives.IsNegativeInfinity(input, output);
            }
            else
            {
                output.Clear();
            }
        }
    }
}
