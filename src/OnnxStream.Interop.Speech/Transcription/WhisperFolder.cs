using System.Text.Json;
using OnnxStream.Interop.Language.Tokenizers;
using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Speech;

/// <summary>A folder with a model of Whisper's layout, as Hugging Face's optimum exports it.</summary>
internal sealed class WhisperFolder
{
    private const int UsualFirstTimes = 50;
    private static readonly string[] s_places = ["", "onnx"];

    /// <summary>Reads it.</summary>
    /// <exception cref="ModelFormatException">Something is missing, or not what it should be.</exception>
    public WhisperFolder(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new ModelFormatException(folder, File.Exists(folder) ? "this is a file; expected the folder of a Whisper model." : "there is no such folder.");
        }

        PipelineFiles files = new(null);
        string path = Path.Combine(folder, "config.json");
        JsonFile configuration = JsonFile.ReadIfThere(path, files) ??
            throw new ModelFormatException(folder, "the folder has no config.json; expected a Whisper model that Hugging Face's optimum exported (optimum-cli export onnx --task automatic-speech-recognition-with-past).");
        if (configuration.Text("model_type") is var type and not "whisper")
        {
            throw new ModelFormatException(path, $"\"model_type\" is {(type is null ? "missing" : $"'{type}'")}; expected 'whisper'.");
        }

        Name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        Encoder = FindFile(folder, "encoder_model.onnx") ?? throw Missing(folder, "encoder_model.onnx");
        string? merged = FindFile(folder, "decoder_model_merged.onnx");
        string? first = FindFile(folder, "decoder_model.onnx");
        string? next = FindFile(folder, "decoder_with_past_model.onnx");
        IsMerged = first is null || next is null;
        (FirstDecoder, NextDecoder) = !IsMerged ? (first!, next!) : merged is not null ? (merged, merged) : throw Missing(folder, "decoder_model.onnx and decoder_with_past_model.onnx, or decoder_model_merged.onnx");
        JsonFile? generation = JsonFile.ReadIfThere(Path.Combine(folder, "generation_config.json"), files);
        LayerCount = Need("decoder_layers");
        HeadCount = Need("decoder_attention_heads");
        Width = Need("d_model");
        ContextLength = configuration.PositiveInteger("max_target_positions") ?? 448;
        VocabularySize = Need("vocab_size");
        BandCount = configuration.PositiveInteger("num_mel_bins") ?? 80;
        SoundPositions = configuration.PositiveInteger("max_source_positions") ?? LogMelSpectrogram.WindowFrames / 2;
        if (SoundPositions != LogMelSpectrogram.WindowFrames / 2 || Width % HeadCount != 0)
        {
            throw new ModelFormatException(path, $"\"max_source_positions\" is {SoundPositions}, \"d_model\" {Width} for {HeadCount} heads; expected {LogMelSpectrogram.WindowFrames / 2} positions (30 seconds), and a whole number for each head.");
        }

        SuppressedTokens = Ids("suppress_tokens");
        FirstSuppressedTokens = Ids("begin_suppress_tokens");
        FirstTimes = generation?.NonNegativeInteger("max_initial_timestamp_index") ?? UsualFirstTimes;
        Tokenizer = Tokenizer.FromFolder(folder);
        Tokens = new WhisperTokens(Tokenizer, Path.Combine(folder, Tokenizer.FileName));
        IsMultilingual = (generation?.Boolean("is_multilingual") ?? (VocabularySize >= 51_865)) && Tokens.Languages.Count > 0 && Tokens.Translate is not null && Tokens.Transcribe is not null;
        if (Tokens.FirstTime >= VocabularySize || Tokens.Start >= VocabularySize)
        {
            throw new ModelFormatException(path, $"\"vocab_size\" is {VocabularySize:N0}, but the tokenizer has tokens for times from {Tokens.FirstTime:N0} on.");
        }

        int Need(string name) => configuration.PositiveInteger(name) ?? throw new ModelFormatException(path, $"\"{name}\" is missing.");

        int[] Ids(string name) => [.. List(generation?.Find(name) ?? configuration.Find(name), name).Where(id => id >= 0 && id < VocabularySize)];

        int[] List(JsonElement? value, string name) => value is null or { ValueKind: JsonValueKind.Null } ? [] :
            value is { ValueKind: JsonValueKind.Array } list && list.EnumerateArray().All(id => id.ValueKind == JsonValueKind.Number && id.TryGetInt32(out _)) ? [.. list.EnumerateArray().Select(id => id.GetInt32())] :
            throw new ModelFormatException(path, $"\"{name}\" should be a list of ids of tokens.");
    }

    /// <summary>The name of the folder.</summary>
    public string Name { get; }

    /// <summary>The model that hears.</summary>
    public string Encoder { get; }

    /// <summary>The model that reads the first tokens, and makes keys and values of what was heard.</summary>
    public string FirstDecoder { get; }

    /// <summary>The model that reads one more token.</summary>
    public string NextDecoder { get; }

    /// <summary>Whether both are one file, which an input tells what it is.</summary>
    public bool IsMerged { get; }

    /// <summary>The layers of the decoder.</summary>
    public int LayerCount { get; }

    /// <summary>The heads of its attention.</summary>
    public int HeadCount { get; }

    /// <summary>The numbers of a position.</summary>
    public int Width { get; }

    /// <summary>The most tokens of a text and what is before it.</summary>
    public int ContextLength { get; }

    /// <summary>The number of tokens.</summary>
    public int VocabularySize { get; }

    /// <summary>The bands that the model hears.</summary>
    public int BandCount { get; }

    /// <summary>The positions that 30 seconds become.</summary>
    public int SoundPositions { get; }

    /// <summary>Tokens that are never written.</summary>
    public IReadOnlyList<int> SuppressedTokens { get; }

    /// <summary>Tokens that a text does not begin with.</summary>
    public IReadOnlyList<int> FirstSuppressedTokens { get; }

    /// <summary>How many steps of 20 ms the first time is at most.</summary>
    public int FirstTimes { get; }

    /// <summary>Whether the model knows several languages.</summary>
    public bool IsMultilingual { get; }

    /// <summary>The tokenizer.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>Its tokens that are no text.</summary>
    public WhisperTokens Tokens { get; }

    private static string? FindFile(string folder, string name) => s_places.Select(place => Path.Combine(folder, place, name)).FirstOrDefault(File.Exists);

    private static ModelFormatException Missing(string folder, string name) => new(folder, $"{name} is missing in the folder and its folder 'onnx'. Export the model with its cache (--task automatic-speech-recognition-with-past).");
}
