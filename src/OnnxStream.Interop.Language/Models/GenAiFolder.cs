using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Language.Models;

/// <summary>A folder that ONNX Runtime GenAI's model builder writes. https://onnxruntime.ai/docs/genai/reference/config.html</summary>
internal static class GenAiFolder
{
    /// <summary>The file that such a folder has.</summary>
    public const string FileName = "genai_config.json";

    /// <summary>Reads it.</summary>
    /// <exception cref="ModelFormatException">Something is missing or is not what it should be.</exception>
    public static DecoderDescription Read(string folder, JsonFile file, PipelineFiles files)
    {
        string name = file.Text("model", "decoder", "filename") ?? throw Missing(file, "model.decoder.filename");
        string path = Path.Combine(folder, name);
        if (Path.GetFileName(name) != name || !files.Exists(path))
        {
            throw new ModelFormatException(file.FilePath, $"\"model.decoder.filename\" names '{name}', which is not a file of this folder.");
        }

        DecoderDescription description = new()
        {
            Folder = folder,
            ModelPath = path,
            ConfigurationPath = file.FilePath,
            Architecture = file.Text("model", "type") ?? throw Missing(file, "model.type"),
            ContextLength = file.PositiveInteger("model", "context_length") ?? throw Missing(file, "model.context_length"),
            VocabularySize = file.PositiveInteger("model", "vocab_size") ?? throw Missing(file, "model.vocab_size"),
            LayerCount = file.PositiveInteger("model", "decoder", "num_hidden_layers"),
            CacheHeads = file.PositiveInteger("model", "decoder", "num_key_value_heads"),
            HeadSize = file.PositiveInteger("model", "decoder", "head_size"),
            BeginToken = file.NonNegativeInteger("model", "bos_token_id"),
            EndTokens = TokenIds.Read(file, "model", "eos_token_id"),
            ChunkLength = file.PositiveInteger("search", "chunk_size"),
            Generation = Search(file),
        };
        return description with
        {
            InputIds = file.Text("model", "decoder", "inputs", "input_ids") ?? description.InputIds,
            AttentionMask = file.Text("model", "decoder", "inputs", "attention_mask") ?? description.AttentionMask,
            PositionIds = file.Text("model", "decoder", "inputs", "position_ids") ?? description.PositionIds,
            PastKeys = file.Text("model", "decoder", "inputs", "past_key_names") ?? description.PastKeys,
            PastValues = file.Text("model", "decoder", "inputs", "past_value_names") ?? description.PastValues,
            Logits = file.Text("model", "decoder", "outputs", "logits") ?? description.Logits,
            PresentKeys = file.Text("model", "decoder", "outputs", "present_key_names") ?? description.PresentKeys,
            PresentValues = file.Text("model", "decoder", "outputs", "present_value_names") ?? description.PresentValues,
        };
    }

    // Without do_sample the likeliest token is taken, whatever else is said.
    private static GenerationOptions Search(JsonFile file)
    {
        GenerationOptions options = new() { RepetitionPenalty = (float)(file.Number("search", "repetition_penalty") ?? 1) };
        return file.Boolean("search", "do_sample") == true ? options with
        {
            Temperature = (float)(file.Number("search", "temperature") ?? 1),
            TopK = file.NonNegativeInteger("search", "top_k") ?? 0,
            TopP = (float)(file.Number("search", "top_p") ?? 1),
        } : options;
    }

    private static ModelFormatException Missing(JsonFile file, string property) =>
        new(file.FilePath, $"\"{property}\" is missing.");
}
