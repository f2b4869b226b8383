namespace OnnxStream.Interop.Diffusion.Adapters;

/// <summary>The matrices and convolutions of a model by the modules that they belong to.</summary>
internal sealed class ModuleWeights
{
    private readonly Dictionary<string, ModuleWeight> _weights = new(StringComparer.Ordinal);

    /// <summary>Finds them.</summary>
    public ModuleWeights(Model model)
    {
        foreach (ModelWeight weight in model.FindWeights())
        {
            WeightUse[] uses = [.. weight.Uses.Where(use => use is { OperatorType: "MatMul" or "Gemm" or "Conv", Input: 1 } or { OperatorType: "Gather", Input: 0 })];
            if (weight.Shape.Rank < 2 || uses.Length == 0 || uses.Length < weight.Uses.Count || weight.ElementType is not (ElementType.Float32 or ElementType.Float16 or ElementType.BFloat16))
            {
                continue;
            }

            ModuleWeight found = new(weight, uses[0].OperatorType == "Gather" || uses[0].IsOutputMajor);
            foreach (string? module in uses.Select(use => ModuleName.OfNode(use.Node)).Append(ModuleName.OfWeight(weight.Name)))
            {
                if (module is not null)
                {
                    _weights.TryAdd(module, found);
                }
            }
        }
    }

    /// <summary>How many there are.</summary>
    public int Count => _weights.Count;

    /// <summary>Some of the modules, for messages.</summary>
    public IEnumerable<string> Modules => _weights.Keys;

    /// <summary>The weight of a module; null if there is none. Exporters put what is around a network before its names.</summary>
    public ModuleWeight? Find(string module)
    {
        if (_weights.TryGetValue(module, out ModuleWeight? weight))
        {
            return weight;
        }

        string end = "_" + module;
        ModuleWeight[] candidates = [.. _weights.Where(pair => pair.Key.EndsWith(end, StringComparison.Ordinal)).Select(pair => pair.Value).Distinct()];
        return candidates.Length == 1 ? candidates[0] : null;
    }
}
