using OnnxStream.Interop.Conformance.Tests;
using OnnxStream.Interop.Onnx;
using OnnxStream.Interop.Operators;

namespace OnnxStream.Interop.Fuzzing.Seeds;

/// <summary>What is mutated: the cases of the ONNX project, a sample of every operator in every type, pieces of real networks, and models with what none of these has.</summary>
internal static class SeedModels
{
    // Larger ones take longer to write than to read.
    private const long LargestFile = 200 << 10;

    private static readonly string[] s_networks = ["text_encoder_opset17", "text_encoder_f16", "unet_diffusers_opset11", "unet_f16", "vae_decoder_diffusers", "vae_decoder_f16"];

    private static readonly Lazy<IReadOnlyList<SeedModel>> s_all = new(() => [.. Structures.All, .. Samples.All(), .. Cases(), .. s_networks.SelectMany(name => NetworkPieces.Of(Path.Combine(AppContext.BaseDirectory, "Models", "sd15", $"{name}.onnx")))]);

    private static readonly Lazy<IReadOnlyList<IGrouping<string, SeedModel>>> s_groups = new(() => [.. All.GroupBy(model => model.Name.Split('/')[0])]);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<SeedModel> All => s_all.Value;

    /// <summary>One of them; each kind is as likely as another.</summary>
    public static SeedModel Pick(Random random)
    {
        IGrouping<string, SeedModel> group = s_groups.Value[random.Next(s_groups.Value.Count)];
        // Most cases are of single operators.
        return group.Key != "node" && random.Next(3) == 0 && s_groups.Value.FirstOrDefault(item => item.Key == "node") is { } nodes
            ? nodes.ElementAt(random.Next(nodes.Count())) : group.ElementAt(random.Next(group.Count()));
    }

    private static IEnumerable<SeedModel> Cases() =>
        from name in ConformanceSuite.Cases
        where new FileInfo(ConformanceSuite.Model(name)).Length <= LargestFile && IsSupported(ConformanceSuite.Model(name))
        let files = ConformanceSuite.DataSets(name).Take(1).SelectMany(folder => ConformanceSuite.Files(folder, "input"))
        where files.Sum(file => new FileInfo(file).Length) <= 4 * LargestFile
        select new SeedModel(name, ModelProto.Parser.ParseFrom(File.ReadAllBytes(ConformanceSuite.Model(name))), [.. files]);

    // Those that are refused as they are would be refused whatever is changed.
    private static bool IsSupported(string path)
    {
        try
        {
            OperatorRegistry.CheckSupported(Model.Load(path).Graph);
            return true;
        }
        catch (OnnxStreamException)
        {
            return false;
        }
    }
}
