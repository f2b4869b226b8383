using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Steps;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>Internal: rows [R, K], each times the matrix of its own expert, of [E, N, K], transposed, plus its bias, of [E, N]: [R, N]. The expert of each row, int64 [R], is in ascending order. Made by <see cref="MixtureOfExperts"/>.</summary>
/// <remarks>Matrices that no row asks for are not read.</remarks>
internal sealed class ExpertProduct : Operator
{
    /// <summary>The operator type.</summary>
    public const string Name = "ExpertProduct";

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape data = context.InputShape(0);
        Shape weight = context.InputShape(1);
        if (data.Rank != 2 || weight.Rank != 3 || data[1] != weight[2] || weight.ElementCount == 0 || (context.HasInput(2) && context.InputShape(2) != new Shape(weight[0], weight[1])) ||
            context.InputType(3) != new TensorType(ElementType.Int64, new Shape(data[0])))
        {
            throw context.Invalid("rows, matrices, biases and experts do not fit together");
        }

        context.SetOutput(0, ElementType.Float32, new Shape(data[0], weight[1]));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        long rows = context.InputShape(0)[0];
        Shape shape = context.InputShape(1);
        int experts = checked((int)shape[0]);
        bool hasBias = context.HasInput(2);
        Constant? weight = context.ConstantInput(1) is { Location: not null } found ? found.WithShape(new Shape(checked(shape[0] * shape[1]), shape[2])) : null;
        List<PlanTensor> inputs = [context.Input(0)];
        if (weight is null)
        {
            inputs.Add(context.Input(1));
        }

        if (hasBias)
        {
            inputs.Add(context.Input(2));
        }

        inputs.Add(context.Input(3));

        // Each expert has a few rows, if rows are spread over them.
        bool isFew = rows <= QuantizedRowsKernel.MostRows || rows / experts <= QuantizedRowsKernel.MostRows / 2;
        Kernel kernel = weight is not null && isFew && QuantizedRowsKernel.CanCompute(weight, experts)
            ? new QuantizedRowsKernel(weight, hasBias, rows, context.Workers, 0, experts)
            : new ExpertProductKernel(context.Panels(weight, PanelLayout.OutputMajor, shape[0] * shape[1], shape[2], bias: context.ConstantInput(2), matrixOutputs: checked((int)shape[1])), hasBias, rows, context.Workers);
        context.Emit(kernel, [.. inputs], [context.Output(0)]);
    }
}
