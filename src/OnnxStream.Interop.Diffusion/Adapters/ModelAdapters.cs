namespace OnnxStream.Interop.Diffusion.Adapters;

/// <summary>Puts LoRAs on the models of a pipeline.</summary>
internal static class ModelAdapters
{
    private const int MostNamed = 3;

    /// <summary>Refuses LoRAs that change a model which the pipeline does not have.</summary>
    /// <exception cref="ModelFormatException">One does.</exception>
    public static void Check(IReadOnlyList<LoraAdapter> adapters, bool hasSecondEncoder)
    {
        foreach (LoraAdapter adapter in adapters)
        {
            if (!hasSecondEncoder && adapter.File.Modules.FirstOrDefault(module => module.Component == PipelineComponent.TextEncoder2) is { } module)
            {
                throw new ModelFormatException(adapter.File.Path, $"the LoRA changes a second text encoder ('{module.Name}'), as SDXL has one, and this model has none.");
            }
        }
    }

    /// <summary>A model with LoRAs.</summary>
    /// <param name="model">The model.</param>
    /// <param name="component">What it is in its pipeline.</param>
    /// <param name="adapters">The LoRAs.</param>
    /// <exception cref="ModelFormatException">One is for another model; what does not fit is named.</exception>
    public static Model Apply(Model model, PipelineComponent component, IReadOnlyList<LoraAdapter> adapters)
    {
        ModuleWeights? weights = null;
        Dictionary<ModuleWeight, List<(LoraModule, LoraAdapter)>> terms = [];
        foreach (LoraAdapter adapter in adapters.Where(adapter => adapter.Weight != 0))
        {
            LoraModule[] modules = [.. adapter.File.Modules.Where(module => module.Component == component)];
            if (modules.Length == 0)
            {
                continue;
            }

            weights ??= new ModuleWeights(model);
            List<string> misfits = [];
            foreach (LoraModule module in modules)
            {
                if (weights.Find(module.Name) is not { } weight)
                {
                    misfits.Add($"'{module.Name}', which the model does not have");
                }
                else if (weight.Outputs != module.Outputs || weight.PerOutput != module.PerOutput)
                {
                    misfits.Add($"'{module.Name}' of {module.Outputs} x {module.PerOutput} numbers, for a weight of {weight.Outputs} x {weight.PerOutput}");
                }
                else
                {
                    if (!terms.TryGetValue(weight, out List<(LoraModule, LoraAdapter)>? list))
                    {
                        terms.Add(weight, list = []);
                    }

                    if (list.Any(term => term.Item2 == adapter))
                    {
                        // Exporters make one weight of those that are alike.
                        misfits.Add($"'{module.Name}', whose weight '{weight.Weight.Name}' is that of another module, too");
                    }

                    list.Add((module, adapter));
                }
            }

            if (misfits.Count > 0)
            {
                string advice = weights.Count == 0 ? " The model's weights and nodes have no names of modules; export it again with the names that PyTorch's exporter gives." : "";
                throw new ModelFormatException(
                    adapter.File.Path, $"the LoRA is not for {model.Path}: of its {modules.Length:N0} changes {misfits.Count:N0} do not fit: {string.Join("; ", misfits.Take(MostNamed))}{(misfits.Count > MostNamed ? "; and others" : "")}.{advice}");
            }
        }

        return terms.Count == 0 ? model : model.WithWeights(terms.ToDictionary(
            pair => pair.Key.Weight.Name,
            pair => new WeightReplacement(new MergedSource(pair.Key, pair.Value), 0, pair.Key.Weight.ElementType) { IsChannelsLast = pair.Key.Weight.IsChannelsLast }));
    }
}
