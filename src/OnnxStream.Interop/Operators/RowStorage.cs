using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Operators;

/// <summary>Internal: the same rows of numbers in another format of storage (<see cref="RowStorageFusion"/>): single precision is rounded to it, or it is expanded to single precision. Made by a pass.</summary>
internal sealed class RowStorage : Operator
{
    /// <summary>The operator type.</summary>
    public const string Name = "RowStorage";

    /// <inheritdoc/>
    public override void Infer(InferenceContext context) => context.SetOutput(0, context.Fusion<RowStorageFusion>().To, context.InputShape(0));

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        Shape shape = context.InputShape(0);
        context.Emit(
            new RowStorageKernel(new StorageTypes(context.InputElementType(0), context.OutputElementType(0)), shape.Product(0, shape.Rank - 1), checked((int)shape[^1])),
            [context.Input(0)], [context.Output(0)]);
    }
}
