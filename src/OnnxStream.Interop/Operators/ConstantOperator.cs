using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>Constant: a tensor that is an attribute. https://onnx.ai/onnx/operators/onnx__Constant.html</summary>
/// <remarks>Opset 12 added numbers and lists of numbers as attributes; sparse tensors (11) become nodes when the file is read; text is not supported.</remarks>
internal sealed class ConstantOperator : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Attributes attributes = context.Attributes;
        context.SetConstantOutput(
            0,
            attributes.Tensor("value") is { } tensor ? tensor :
            attributes.Has("value_float") ? Constant.Of(Shape.Scalar, attributes.Float("value_float", 0)) :
            attributes.Has("value_int") ? Constant.Of(Shape.Scalar, attributes.Int("value_int", 0)) :
            attributes.Floats("value_floats") is { } floats ? Constant.Of(new Shape(floats.Length), floats) :
            attributes.Ints("value_ints") is { } integers ? Constant.Of(new Shape(integers.Length), integers) :
            attributes.All.Count > 0 ? throw context.Unsupported($"attribute '{attributes.All.Keys.First()}'") :
            throw context.Invalid("it has no value"));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context) => throw new InvalidOperationException("A constant is not computed.");
}
