using Google.Protobuf;
using OnnxStream.Interop.Fuzzing.Mutators;
using OnnxStream.Interop.Fuzzing.Seeds;
using OnnxStream.Interop.Onnx;

namespace OnnxStream.Interop.Fuzzing.Targets;

/// <summary>ONNX models whose fields are changed: nodes, names, attributes, tensors, declarations, graphs, functions, operator sets.</summary>
internal sealed class ModelFieldsTarget() : FuzzTarget("fields")
{
    private ModelMutator Mutator => field ??= new(SeedModels.All.Select(model => model.Proto));

    /// <inheritdoc/>
    public override void Prepare() => _ = Mutator;

    /// <inheritdoc/>
    public override void Try(Random random, string folder, CancellationToken cancellationToken)
    {
        SeedModel seed = SeedModels.Pick(random);
        ModelProto model = seed.Proto.Clone();
        Mutator.Mutate(model, random);
        ModelFolder.Write(folder, model.ToByteArray());
        ModelUse.Run(ModelFolder.PathIn(folder), folder, seed.InputFiles, random, cancellationToken);
    }
}
