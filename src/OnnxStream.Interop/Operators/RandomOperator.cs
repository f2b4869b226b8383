using System.Numerics;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>RandomNormal, RandomUniform, and those that take the shape of an input (…Like). https://onnx.ai/onnx/operators/onnx__RandomNormal.html</summary>
/// <param name="isNormal">Whether the numbers are normally distributed, not evenly.</param>
/// <param name="isLike">Whether the shape is that of the input.</param>
/// <remarks>Opset 22 only added a type. With a <c>seed</c> every run of a session gives the same numbers, which are not those of any other library.</remarks>
internal sealed class RandomOperator(bool isNormal, bool isLike) : Operator
{
    /// <inheritdoc/>
    public override bool IsDeterministic => false;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        ElementType type = (ElementType)context.Attributes.Int("dtype", (long)(isLike ? context.InputElementType(0) : ElementType.Float32));
        if (type is not (ElementType.Float32 or ElementType.Float64 or ElementType.Float16 or ElementType.BFloat16))
        {
            throw context.Unsupported($"element type {type.ToOnnxName()}");
        }

        context.SetOutput(0, type, isLike ? context.InputShape(0) : context.ToShape(context.Attributes.Ints("shape") ?? throw context.Invalid("attribute 'shape' is missing")));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor output = context.Output(0);
        float first = isNormal ? context.Attributes.Float("mean", 0) : context.Attributes.Float("low", 0);
        float second = isNormal ? context.Attributes.Float("scale", 1) : context.Attributes.Float("high", 1);
        int? seed = context.Attributes.Has("seed") ? BitConverter.SingleToInt32Bits(context.Attributes.Float("seed", 0)) : null;
        Factory factory = new(output.ElementCount, isNormal, first, second, seed);
        if (NumericKernels.Create(output.ElementType, factory) is { } kernel)
        {
            context.Emit(kernel, [], [output]);
            return;
        }

        PlanTensor single = context.Temporary(output.Type with { ElementType = ElementType.Float32 });
        context.Emit(factory.Create<float>(), [], [single]);
        context.Emit(new CastKernel(single.ElementType, output.ElementType, output.ElementCount), [single], [output]);
    }

    private readonly struct Factory(long count, bool isNormal, double first, double second, int? seed) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> => new RandomKernel<T>(count, isNormal, first, second, seed);
    }
}
