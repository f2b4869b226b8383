using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Returns its input; in training it drops elements at random. https://onnx.ai/onnx/operators/onnx__Dropout.html</summary>
/// <remarks>Opset 10 made the mask bool, 12 added ratio and <c>training_mode</c> as inputs. Outside of training the mask is all ones.</remarks>
internal sealed class Dropout : Operator
{
    /// <inheritdoc/>
    public override bool IsFunction(NodeContext context) =>
        context.OperatorSet >= 12 && context.HasInput(2) && context.RequireBytes(2) is [not 0, ..];

    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        ElementType type = context.InputElementType(0);
        double ratio = !context.HasInput(1) ? 0.5 : context.InputShape(1).ElementCount == 1 ? context.RequireFloats(1)[0] : throw context.Invalid("the ratio must be a single number");
        if (!(ratio is >= 0 and < 1))
        {
            throw context.Invalid($"the ratio is {ratio}, it must be at least 0 and less than 1");
        }

        List<(string, object)> attributes = [("dtype", (long)ElementType.Float32)];
        if (context.Attributes.Has("seed"))
        {
            attributes.Add(("seed", (float)context.Attributes.Int("seed", 0)));
        }

        Value random = context.Add("RandomUniformLike", [context.Input(0)], [.. attributes]);
        Value kept = context.Add("GreaterOrEqual", [random, context.Number(ElementType.Float32, ratio)]);
        Value scaled = context.Add("Mul", [context.Input(0), context.Number(type, 1 / (1 - ratio))]);
        context.SetOutput(0, context.Add("Where", [kept, scaled, context.Number(type, 0)]));
        context.SetOutput(1, kept);
    }

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        context.SetOutput(0, context.InputElementType(0), context.InputShape(0));
        if (context.ConstantInput(0) is { } constant)
        {
            context.SetConstantOutput(0, constant);
        }

        context.SetOutput(1, context.OperatorSet >= 10 ? ElementType.Bool : context.InputElementType(0), context.InputShape(0));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        context.View(0, context.Input(0));
        if (context.HasOutput(1))
        {
            PlanTensor mask = context.Output(1);
            context.Emit(new FillKernel(mask.ElementCount, EyeLike.One(mask.ElementType)), [], [mask]);
        }
    }
}
