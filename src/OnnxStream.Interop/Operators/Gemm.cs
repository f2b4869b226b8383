using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>alpha * A' * B' + beta * C, where ' transposes if asked to. https://onnx.ai/onnx/operators/onnx__Gemm.html</summary>
/// <remarks>Opset 7 broadcasts C as NumPy does, 11 made it optional. A constant B is streamed in panels.</remarks>
internal sealed class Gemm : Operator
{
    private readonly record struct GemmAttributes(float Alpha, float Beta, bool TransposeA, bool TransposeB)
    {
        public static GemmAttributes Parse(NodeContext context) => new(
            context.Attributes.Float("alpha", 1), context.Attributes.Float("beta", 1),
            context.Attributes.Int("transA", 0) != 0, context.Attributes.Int("transB", 0) != 0);
    }

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        GemmAttributes attributes = GemmAttributes.Parse(context);
        Shape a = context.InputShape(0);
        Shape b = context.InputShape(1);
        if (a.Rank != 2 || b.Rank != 2)
        {
            throw context.Invalid("A and B must be matrices");
        }

        (long m, long k) = attributes.TransposeA ? (a[1], a[0]) : (a[0], a[1]);
        (long kOfB, long n) = attributes.TransposeB ? (b[1], b[0]) : (b[0], b[1]);
        if (k != kOfB)
        {
            throw context.Invalid("the inner dimensions of A and B differ");
        }

        Shape shape = new(m, n);
        if (context.HasInput(2) && context.Broadcast(context.InputShape(2), shape) != shape)
        {
            throw context.Invalid($"C cannot be broadcast to {shape}");
        }

        context.SetOutput(0, context.InputElementType(0), shape);
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        GemmAttributes attributes = GemmAttributes.Parse(context);
        PlanTensor output = context.Output(0);
        ElementType type = output.ElementType;
        if (type is not (ElementType.Float32 or ElementType.Float64 or ElementType.Float16 or ElementType.Int32 or ElementType.Int64 or ElementType.UInt32 or ElementType.UInt64))
        {
            throw context.Unsupported($"element type {type.ToOnnxName()}");
        }

        (int m, int n) = ((int)output.Shape[0], (int)output.Shape[1]);
        int k = (int)context.InputShape(0)[attributes.TransposeA ? 0 : 1];
        PlanTensor a = context.Input(0);
        if (attributes.TransposeA)
        {
            a = Transpose.Emit(context, a, [1, 0]);
        }

        bool hasBias = context.HasInput(2);
        bool isRowBias = hasBias && attributes.Beta == 1 && context.InputShape(2) is { } c && c.ElementCount == n && (c.Rank == 0 ? n == 1 : c[^1] == n);
        bool isPlain = type == ElementType.Float32 && output.ElementCount > 0 && k > 0;
        bool isStreamed = isPlain && context.ConstantInput(1) is { Location: not null };
        bool fuseBias = isStreamed && isRowBias && attributes.Alpha == 1;
        PlanTensor product = attributes.Alpha != 1 || (hasBias && !fuseBias) ? context.Temporary(output.Type) : output;
        if (isStreamed)
        {
            if (!attributes.TransposeB || !FullyConnected.TryEmitFewRows(context, context.ConstantInput(1)!, a, fuseBias ? context.Input(2) : null, m, product))
            {
                PanelWeights panels = context.Panels(context.ConstantInput(1), attributes.TransposeB ? PanelLayout.OutputMajor : PanelLayout.InputMajor, n, k, bias: fuseBias ? context.ConstantInput(2) : null);
                context.Emit(new XnnFullyConnected(panels, fuseBias, m, context.Workers), fuseBias ? [a, context.Input(2)] : [a], [product]);
            }

            hasBias &= !fuseBias;
        }
        else
        {
            PlanTensor b = context.Input(1);
            if (isPlain)
            {
                context.Emit(new XnnBatchMatMul([], [], m, k, n, attributes.TransposeB, context.Workers), [a, b], [product]);
            }
            else
            {
                b = attributes.TransposeB ? Transpose.Emit(context, b, [1, 0]) : b;
                context.Emit(NumericKernels.Create(type, new MatMulKernelFactory(Shape.Scalar, Shape.Scalar, Shape.Scalar, m, k, n))!, [a, b], [product]);
            }
        }

        if (attributes.Alpha != 1)
        {
            PlanTensor scaled = hasBias ? context.Temporary(output.Type) : output;
            context.Emit(ScaleKernel.Create(type, attributes.Alpha, output.ElementCount), [product], [scaled]);
            product = scaled;
        }

        if (hasBias)
        {
            PlanTensor bias = context.Input(2);
            if (attributes.Beta != 1)
            {
                PlanTensor scaled = context.Temporary(bias.Type);
                context.Emit(ScaleKernel.Create(type, attributes.Beta, bias.ElementCount), [bias], [scaled]);
                bias = scaled;
            }

            BinaryArithmetic.Emit(context, xnn_binary_operator.xnn_binary_add, product, bias, output);
        }
    }
}
