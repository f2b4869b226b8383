using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Language.Models;

/// <summary>A folder that Hugging Face's optimum exports: <c>config.json</c> and a decoder with a cache. https://huggingface.co/docs/optimum-onnx</summary>
internal static class OptimumFolder
{
    /// <summary>The file that such a folder has.</summary>
    public const string FileName = "config.json";

    private static readonly string[] s_names = ["model.onnx", "decoder_with_past_model.onnx", "decoder_model_merged.onnx"];

    /// <summary>Reads it.</summary>
    /// <exception cref="ModelFormatException">Something is missing or is not what it should be.</exception>
    public static DecoderDescription Read(string folder, JsonFile file, PipelineFiles files)
    {
        // Newer exports have a folder for the ONNX files.
        string[] candidates = [.. s_names.Select(name => Path.Combine(folder, name)), .. s_names.Select(name => Path.Combine(folder, "onnx", name))];
        string path = Array.Find(candidates, files.Exists) ??
            throw new ModelFormatException(folder, $"the decoder is missing: none of {string.Join(", ", s_names)} exists in the folder or its folder 'onnx'. A model that was exported without its cache (--task text-generation) must be exported with it (--task text-generation-with-past).");
        JsonFile? generation = JsonFile.ReadIfThere(Path.Combine(folder, "generation_config.json"), files);
        int? heads = file.PositiveInteger("num_attention_heads") ?? file.PositiveInteger("n_head");
        int? hidden = file.PositiveInteger("hidden_size") ?? file.PositiveInteger("n_embd");
        IReadOnlyList<int> ends = generation is null ? [] : TokenIds.Read(generation, "eos_token_id");
        return new DecoderDescription
        {
            Folder = folder,
            ModelPath = path,
            ConfigurationPath = file.FilePath,
            Architecture = file.Text("model_type") ?? throw new ModelFormatException(file.FilePath, "\"model_type\" is missing."),
            ContextLength = file.PositiveInteger("max_position_embeddings") ?? file.PositiveInteger("n_positions") ?? file.PositiveInteger("n_ctx") ??
                throw new ModelFormatException(file.FilePath, "\"max_position_embeddings\" (or \"n_positions\") is missing: the most tokens that the model can attend to."),
            VocabularySize = file.PositiveInteger("vocab_size") ?? throw new ModelFormatException(file.FilePath, "\"vocab_size\" is missing."),
            LayerCount = file.PositiveInteger("num_hidden_layers") ?? file.PositiveInteger("n_layer"),
            CacheHeads = file.PositiveInteger("num_key_value_heads") ?? heads,
            HeadSize = file.PositiveInteger("head_dim") ?? (hidden is { } size && heads is { } count && size % count == 0 ? size / count : null),
            BeginToken = file.NonNegativeInteger("bos_token_id"),
            EndTokens = ends.Count > 0 ? ends : TokenIds.Read(file, "eos_token_id"),
            Generation = generation is null ? new GenerationOptions() : Search(generation),
        };
    }

    private static GenerationOptions Search(JsonFile file)
    {
        GenerationOptions options = new() { RepetitionPenalty = (float)(file.Number("repetition_penalty") ?? 1) };
        return file.Boolean("do_sample") == true ? options with
        {
            Temperature = (float)(file.Number("temperature") ?? 1),
            TopK = file.NonNegativeInteger("top_k") ?? 50,
            TopP = (float)(file.Number("top_p") ?? 1),
        } : options;
    }
}
