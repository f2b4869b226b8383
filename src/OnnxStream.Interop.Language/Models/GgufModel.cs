using OnnxStream.Interop.Gguf;
using OnnxStream.Interop.Language.Templates;
using OnnxStream.Interop.Language.Tokenizers;

namespace OnnxStream.Interop.Language.Models;

/// <summary>A language model that is one GGUF file: decoder, vocabulary and template.</summary>
/// <param name="Description">What it says of its decoder.</param>
/// <param name="Tokenizer">Its tokenizer; null where it has none.</param>
/// <param name="Template">How conversations are written; null where it does not say.</param>
internal sealed record GgufModel(DecoderDescription Description, Tokenizer? Tokenizer, ChatTemplate? Template)
{
    /// <summary>Reads it.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="ModelFormatException">It is damaged, or has something that is not supported.</exception>
    /// <exception cref="OnnxStream.Interop.WeightsException">It cannot be read.</exception>
    public static GgufModel Read(string path)
    {
        GgufFile file = GgufFile.Read(path);
        Tokenizer? tokenizer = Tokenizer.FromGguf(file);
        string family = file.Architecture;
        GgufTensor embedding = file.FindTensor("token_embd.weight") ?? throw new ModelFormatException(path, "the tensor 'token_embd.weight' is missing: the file holds no language model.");
        DecoderDescription description = new()
        {
            Folder = Path.ChangeExtension(path, null),
            ModelPath = path,
            ConfigurationPath = path,
            Architecture = family,
            ContextLength = Count(file, $"{family}.context_length"),
            VocabularySize = checked((int)embedding.Shape[0]),
            LayerCount = Count(file, $"{family}.block_count"),
            BeginToken = GgufVocabulary.BeginToken(file),
            EndTokens = GgufVocabulary.EndTokens(file, tokenizer),
        };
        return new GgufModel(description, tokenizer, FindTemplate(file, tokenizer));
    }

    private static int Count(GgufFile file, string key) => file.FindInteger(key) switch
    {
        null => throw new ModelFormatException(file.Path, $"'{key}' is missing."),
        var count when count is > 0 and <= int.MaxValue => (int)count,
        var count => throw new ModelFormatException(file.Path, $"'{key}' is {count}; it must be positive."),
    };

    private static ChatTemplate? FindTemplate(GgufFile file, Tokenizer? tokenizer)
    {
        if (tokenizer is null || file.FindText("tokenizer.chat_template") is not { Length: > 0 } source)
        {
            return null;
        }

        try
        {
            return ChatTemplate.Parse(source, GgufVocabulary.TemplateTokens(file, tokenizer));
        }
        catch (FormatException exception)
        {
            throw new ModelFormatException(file.Path, exception.Message, exception);
        }
    }
}
