using System.Text.Json;
using OnnxStream.Interop.Diffusion.Adapters;
using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Diffusion;

/// <summary>Weights for models that are there as ONNX files: a folder as diffusers saves it, or one <c>.safetensors</c> file as Stable Diffusion was first published in.</summary>
/// <remarks>They take the places of the models' own and are streamed from where they lie; nothing is converted or copied.</remarks>
public sealed class Checkpoint
{
    // What stands before the names of a model in a single file.
    private static readonly (string Prefix, PipelineComponent Component)[] s_prefixes =
    [
        ("model.diffusion_model.", PipelineComponent.Unet),
        ("cond_stage_model.transformer.", PipelineComponent.TextEncoder),
        ("conditioner.embedders.0.transformer.", PipelineComponent.TextEncoder),
        ("first_stage_model.", PipelineComponent.VaeDecoder),
    ];

    private readonly Dictionary<PipelineComponent, List<(string Module, string Kind, SafetensorsFile File, SafetensorsTensor Tensor)>> _tensors = [];

    private Checkpoint(string path) => Path = path;

    /// <summary>The file or folder.</summary>
    public string Path { get; }

    /// <summary>Opens a checkpoint. Headers are read, no weights.</summary>
    /// <param name="path">A folder with <c>unet</c>, <c>text_encoder</c> or <c>vae</c>, or a <c>.safetensors</c> file.</param>
    /// <exception cref="FileNotFoundException">There is nothing.</exception>
    /// <exception cref="ModelFormatException">It is damaged, or no such checkpoint.</exception>
    public static Checkpoint Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        path = System.IO.Path.GetFullPath(path);
        Checkpoint checkpoint = new(path);
        if (File.Exists(path))
        {
            checkpoint.AddSingleFile(SafetensorsFile.Open(path));
        }
        else if (Directory.Exists(path))
        {
            checkpoint.AddFolder("unet", PipelineComponent.Unet);
            checkpoint.AddFolder("text_encoder", PipelineComponent.TextEncoder);
            checkpoint.AddFolder("text_encoder_2", PipelineComponent.TextEncoder2);
            checkpoint.AddFolder("vae", PipelineComponent.VaeDecoder);
        }
        else
        {
            throw new FileNotFoundException($"There is no checkpoint '{path}'.", path);
        }

        return checkpoint._tensors.Count > 0 ? checkpoint : throw new ModelFormatException(path,
            "this is no checkpoint of the Stable Diffusion family: expected a .safetensors file with tensors under model.diffusion_model, or a folder with unet/diffusion_pytorch_model.safetensors, text_encoder/model.safetensors or vae/diffusion_pytorch_model.safetensors.");
    }

    /// <summary>A model with the weights of the checkpoint; the model itself where the checkpoint has none for it.</summary>
    /// <param name="model">The model.</param>
    /// <param name="component">What it is in its pipeline.</param>
    /// <exception cref="ModelFormatException">The checkpoint is for another architecture; what does not fit is named.</exception>
    internal Model Apply(Model model, PipelineComponent component)
    {
        bool isEncoder = component == PipelineComponent.VaeEncoder;
        if (!_tensors.TryGetValue(isEncoder ? PipelineComponent.VaeDecoder : component, out List<(string Module, string Kind, SafetensorsFile File, SafetensorsTensor Tensor)>? tensors))
        {
            return model;
        }

        // Both halves of a VAE are in one file.
        if (component is PipelineComponent.VaeDecoder or PipelineComponent.VaeEncoder)
        {
            tensors = [.. tensors.Where(tensor => tensor.Module.StartsWith(isEncoder ? "encoder" : "decoder", StringComparison.Ordinal) || tensor.Module == (isEncoder ? "quant_conv" : "post_quant_conv"))];
        }

        CheckpointPlaces places = new(model);
        Dictionary<string, WeightReplacement> replacements = new(StringComparer.Ordinal);
        List<string> misfits = [];
        foreach ((string module, string kind, SafetensorsFile file, SafetensorsTensor tensor) in tensors)
        {
            if (places.Find(module, kind, tensor.Shape) is not { } place)
            {
                misfits.Add($"'{tensor.Name}' {tensor.Shape}, which has no place in it");
            }
            else if (place.Weight.Shape.ElementCount != tensor.Shape.ElementCount || tensor.Shape[0] != (kind == "weight" && place.Weight.Shape.Rank > 1 && place.IsTableOrMatrix ? place.Rows : tensor.Shape[0]))
            {
                misfits.Add($"'{tensor.Name}' {tensor.Shape}, for a weight of {place.Weight.Shape}");
            }
            else if (tensor.ElementType != place.Weight.ElementType && place.Weight.ComputedType != ElementType.Float32)
            {
                misfits.Add($"'{tensor.Name}' of {tensor.TypeName}, for a model that is exported in {place.Weight.ComputedType}");
            }
            else if (!replacements.TryAdd(place.Weight.Name, new WeightReplacement(file.Source, tensor.Offset, tensor.ElementType) { IsTransposed = place.IsTransposed }))
            {
                // Exporters make one weight of those that are alike.
                misfits.Add($"'{tensor.Name}', whose place '{place.Weight.Name}' is that of another tensor, too: the model was exported with weights that were alike");
            }
        }

        misfits.AddRange(places.Matrices.Where(weight => !replacements.ContainsKey(weight.Name)).Select(weight => $"{weight.Name} {weight.Shape} of the model, which the checkpoint does not have"));
        const int MostNamed = 3;
        return misfits.Count == 0 ? model.WithWeights(replacements) : throw new ModelFormatException(
            Path, $"the checkpoint is not for {model.Path}; {misfits.Count:N0} weights do not fit: {string.Join("; ", misfits.Take(MostNamed))}{(misfits.Count > MostNamed ? "; and others" : "")}.");
    }

    private void AddSingleFile(SafetensorsFile file)
    {
        foreach (SafetensorsTensor tensor in file.Tensors.Values)
        {
            (string Prefix, PipelineComponent Component) found = s_prefixes.FirstOrDefault(entry => tensor.Name.StartsWith(entry.Prefix, StringComparison.Ordinal));
            if (found.Prefix is not null)
            {
                Add(found.Component, tensor.Name[found.Prefix.Length..], file, tensor, isLegacy: true);
            }
        }
    }

    private void AddFolder(string name, PipelineComponent component)
    {
        string folder = System.IO.Path.Combine(Path, name);
        string? whole = (string?[])[.. ((string[])["diffusion_pytorch_model.safetensors", "model.safetensors", "diffusion_pytorch_model.fp16.safetensors", "model.fp16.safetensors"]).Select(file => System.IO.Path.Combine(folder, file)).Where(File.Exists)] is [var found, ..] ? found : null;
        string[] index = whole is null && Directory.Exists(folder) ? Directory.GetFiles(folder, "*.safetensors.index.json") : [];
        string[] files = whole is not null ? [whole] : index.Length == 1 ? Shards(index[0]) : [];
        foreach (string path in files)
        {
            SafetensorsFile file = SafetensorsFile.Open(path);
            foreach (SafetensorsTensor tensor in file.Tensors.Values)
            {
                Add(component, tensor.Name, file, tensor, isLegacy: false);
            }
        }
    }

    private static string[] Shards(string index)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(index));
            string[] names = [.. document.RootElement.GetProperty("weight_map").EnumerateObject().Select(entry => entry.Value.GetString() ?? "").Distinct()];
            return Array.Find(names, name => name != System.IO.Path.GetFileName(name) || name.Length == 0) is { } outside
                ? throw new ModelFormatException(index, $"the file '{outside}' is not in the folder of the list.")
                : Array.ConvertAll(names, name => System.IO.Path.Combine(System.IO.Path.GetDirectoryName(index)!, name));
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new ModelFormatException(index, $"this is no list of the files of a checkpoint: {exception.Message}", exception);
        }
    }

    private void Add(PipelineComponent component, string name, SafetensorsFile file, SafetensorsTensor tensor, bool isLegacy)
    {
        // Positions are numbers from 0 on, and no weights.
        if (tensor.ElementType is not (ElementType.Float32 or ElementType.Float16 or ElementType.BFloat16) || name.LastIndexOf('.') is not (> 0 and int dot))
        {
            return;
        }

        string module = ModuleName.Of(name[..dot]);
        module = !isLegacy ? module : component == PipelineComponent.Unet ? LegacyNames.Unet(module) : component == PipelineComponent.VaeDecoder ? LegacyNames.Vae(module) : module;
        if (!_tensors.TryGetValue(component, out List<(string Module, string Kind, SafetensorsFile File, SafetensorsTensor Tensor)>? list))
        {
            _tensors.Add(component, list = []);
        }

        list.Add((module, name[(dot + 1)..], file, tensor));
    }
}
