using Google.Protobuf;
using OnnxStream.Interop.Fuzzing.Mutators;
using OnnxStream.Interop.Fuzzing.Seeds;

namespace OnnxStream.Interop.Fuzzing.Targets;

/// <summary>ONNX models whose bytes are changed, whatever they mean; some are put into messages of messages.</summary>
internal sealed class ModelBytesTarget() : FuzzTarget("bytes")
{
    // The fields through which messages of a model hold each other: graph, node, attribute, and a graph again.
    private static readonly byte[] s_path = [7 << 3 | 2, 1 << 3 | 2, 5 << 3 | 2, 6 << 3 | 2];

    /// <inheritdoc/>
    public override void Prepare() => _ = SeedModels.All;

    /// <inheritdoc/>
    public override void Try(Random random, string folder, CancellationToken cancellationToken)
    {
        SeedModel seed = SeedModels.Pick(random);
        byte[] model = seed.Proto.ToByteArray();
        model = random.Next(200) == 0 ? Nest(model, random) : ByteMutator.Mutate(model, random);
        ModelFolder.Write(folder, model);
        ModelUse.Run(ModelFolder.PathIn(folder), folder, seed.InputFiles, random, cancellationToken);
    }

    private static byte[] Nest(byte[] model, Random random)
    {
        // From the inside out; the last is the model's own field.
        byte[] content = model.Length > 1000 ? model[..1000] : model;
        for (int level = random.Next(random.Next(2) == 0 ? 80 : 4000); level >= 0; level--)
        {
            using MemoryStream outer = new();
            using (CodedOutputStream coded = new(outer, leaveOpen: true))
            {
                coded.WriteRawTag(level == 0 ? s_path[0] : s_path[1 + (level - 1) % 3]);
                coded.WriteBytes(ByteString.CopyFrom(content));
            }

            content = outer.ToArray();
        }

        return [.. model, .. content];
    }
}
