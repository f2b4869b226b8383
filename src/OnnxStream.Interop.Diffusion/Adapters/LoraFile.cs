using OnnxStream.Interop.Diffusion.Adapters;
using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Diffusion;

/// <summary>A file of small changes to the weights of a model: LoRA, LoHa, LoKr or whole differences, under the names of kohya's trainer, of diffusers or of PEFT.</summary>
/// <remarks>They are merged while weights are read, a piece at a time, wherever the weights lie; nothing is written to the model, and the next generation may do without.</remarks>
public sealed class LoraFile
{
    // What stands behind the name of a module, and what it is.
    private static readonly (string Suffix, string Part)[] s_parts =
    [
        (".lora_linear_layer.up.weight", "up"), (".lora_linear_layer.down.weight", "down"), (".lora_A.default.weight", "down"), (".lora_B.default.weight", "up"),
        (".lora_up.weight", "up"), (".lora_down.weight", "down"), (".lora_mid.weight", "mid"), (".lora_A.weight", "down"), (".lora_B.weight", "up"),
        (".lora.up.weight", "up"), (".lora.down.weight", "down"), ("_lora.up.weight", "up"), ("_lora.down.weight", "down"),
        (".hada_w1_a", "hada_w1_a"), (".hada_w1_b", "hada_w1_b"), (".hada_w2_a", "hada_w2_a"), (".hada_w2_b", "hada_w2_b"), (".hada_t1", "tucker"), (".hada_t2", "tucker"),
        (".lokr_w1", "lokr_w1"), (".lokr_w1_a", "lokr_w1_a"), (".lokr_w1_b", "lokr_w1_b"), (".lokr_w2", "lokr_w2"), (".lokr_w2_a", "lokr_w2_a"), (".lokr_w2_b", "lokr_w2_b"), (".lokr_t2", "tucker"),
        (".diff", "diff"), (".dora_scale", "dora_scale"), (".alpha", "alpha"),
    ];

    // What stands before it.
    private static readonly (string Prefix, PipelineComponent Component)[] s_components =
    [
        ("lora_unet_", PipelineComponent.Unet), ("lora_te1_", PipelineComponent.TextEncoder), ("lora_te2_", PipelineComponent.TextEncoder2), ("lora_te_", PipelineComponent.TextEncoder),
        ("lycoris_unet_", PipelineComponent.Unet), ("unet.", PipelineComponent.Unet), ("text_encoder_2.", PipelineComponent.TextEncoder2), ("text_encoder.", PipelineComponent.TextEncoder),
        ("model.diffusion_model.", PipelineComponent.Unet), ("diffusion_model.", PipelineComponent.Unet), ("base_model.model.", PipelineComponent.Unet),
        ("down_blocks.", PipelineComponent.Unet), ("up_blocks.", PipelineComponent.Unet), ("mid_block.", PipelineComponent.Unet),
    ];

    private LoraFile(SafetensorsFile file, IReadOnlyList<LoraModule> modules)
    {
        Path = file.Source.Id;
        Name = System.IO.Path.GetFileNameWithoutExtension(Path);
        Version = file.Source.Version;
        Modules = modules;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>What it is called: its name without folders and extension.</summary>
    public string Name { get; }

    /// <summary>How many weights it changes.</summary>
    public int ModuleCount => Modules.Count;

    /// <summary>Changes with the file.</summary>
    internal string Version { get; }

    /// <summary>What it changes.</summary>
    internal IReadOnlyList<LoraModule> Modules { get; }

    /// <summary>Reads what a <c>.safetensors</c> file changes. The numbers are read when they are needed.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelFormatException">It is damaged, or has something that cannot be merged.</exception>
    /// <exception cref="WeightsException">It cannot be read.</exception>
    public static LoraFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        SafetensorsFile file = SafetensorsFile.Open(path);
        Dictionary<(PipelineComponent, string), Dictionary<string, SafetensorsTensor>> modules = [];
        foreach (SafetensorsTensor tensor in file.Tensors.Values)
        {
            (string Suffix, string Part) found = s_parts.FirstOrDefault(part => tensor.Name.EndsWith(part.Suffix, StringComparison.Ordinal));
            (string Prefix, PipelineComponent Component) component = s_components.FirstOrDefault(entry => tensor.Name.StartsWith(entry.Prefix, StringComparison.Ordinal));
            if (found.Suffix is null || component.Prefix is null)
            {
                throw new ModelFormatException(file.Source.Id, $"'{tensor.Name}' is no tensor of a LoRA for a model of the Stable Diffusion family: expected names such as lora_unet_….lora_down.weight or unet.….lora_A.weight.");
            }

            bool isPart = component.Prefix.EndsWith("blocks.", StringComparison.Ordinal) || component.Prefix == "mid_block.";
            string name = ModuleName.Of(tensor.Name[(isPart ? 0 : component.Prefix.Length)..^found.Suffix.Length].Replace(".processor.", ".", StringComparison.Ordinal));
            name = component.Component == PipelineComponent.Unet ? LegacyNames.Unet(name) : name;
            if (!modules.TryGetValue((component.Component, name), out Dictionary<string, SafetensorsTensor>? parts))
            {
                modules.Add((component.Component, name), parts = new Dictionary<string, SafetensorsTensor>(StringComparer.Ordinal));
            }

            if (!parts.TryAdd(found.Part, tensor))
            {
                throw new ModelFormatException(file.Source.Id, $"'{tensor.Name}' and '{parts[found.Part].Name}' are the same tensor of one module.");
            }
        }

        LoraModule[] all = [.. modules.Select(pair => new LoraModule(pair.Key.Item2, pair.Key.Item1, file, pair.Value))];
        foreach (LoraModule module in all)
        {
            try
            {
                module.Check();
            }
            catch (OverflowException exception)
            {
                throw new ModelFormatException(file.Source.Id, $"the module '{module.Name}' has impossible shapes.", exception);
            }
        }

        return all.Length > 0 ? new LoraFile(file, all) : throw new ModelFormatException(file.Source.Id, "the file has no tensors.");
    }

    /// <inheritdoc/>
    public override string ToString() => Path;
}
