using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Operators;

/// <summary>Changes slices by tuples of indices. https://onnx.ai/onnx/operators/onnx__ScatterND.html</summary>
/// <remarks>Opset 16 added the reductions add and mul, 18 max and min; updates are applied in their order.</remarks>
internal sealed class ScatterND : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape data = context.InputShape(0);
        Shape indices = context.InputShape(1);
        context.CheckIndices(1);
        _ = ScatterReduction.Parse(context);
        long length = indices.Rank == 0 ? 0 : indices[^1];
        if (length < 1 || length > data.Rank)
        {
            throw context.Invalid($"tuples of {length} indices do not fit a tensor with {data.Rank} dimensions");
        }

        Shape updates = new([.. indices.Dimensions[..^1], .. data.Dimensions[(int)length..]]);
        if (context.InputShape(2) != updates || context.InputElementType(2) != context.InputElementType(0))
        {
            throw context.Invalid($"the updates must have the shape {updates} and the element type of the data");
        }

        context.SetOutput(0, context.InputElementType(0), data);
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        if (context.InputShape(2).ElementCount == 0)
        {
            context.View(0, context.Input(0));
            return;
        }

        IndexTuples tuples = new(context.InputShape(0), context.InputShape(1), 0);
        Kernel kernel = ScatterReduction.CreateKernel(context, new Factory(tuples, context.InputShape(0).ElementCount));
        context.Emit(kernel, [context.Input(0), context.Input(1), context.Input(2)], [context.Output(0)]);
    }

    private readonly struct Factory(IndexTuples tuples, long dataElements) : ScatterReduction.IFactory
    {
        public Kernel Create<T, TFunction>()
            where T : unmanaged
            where TFunction : IBinaryFunction<T, T> => new ScatterTuplesKernel<T, TFunction>(tuples, dataElements);
    }
}
