using OnnxStream.Interop.Language.Decoding;
using OnnxStream.Interop.Language.Models;
using OnnxStream.Interop.Language.Templates;
using OnnxStream.Interop.Language.Tokenizers;
using OnnxStream.Interop.Pipelines;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Language;

/// <summary>A language model: the decoder, its tokenizer, and how its conversations are written.</summary>
/// <example>
/// <code>
/// using LanguageModel model = LanguageModel.FromFolder("models/llama");
/// using Conversation conversation = model.CreateConversation();
/// foreach (GeneratedToken token in conversation.Generate("Once upon a time"))
/// {
///     Console.Write(token.Text);
/// }
/// </code>
/// </example>
public sealed class LanguageModel : IDisposable
{
    private readonly Decoder _decoder;
    private readonly HashSet<int> _endTokens;
    private WeightsProvider? _ownWeights;

    private LanguageModel(DecoderDescription description, Tokenizer? tokenizer, ChatTemplate? template, LanguageModelOptions options)
    {
        TokenizerOrNull = tokenizer;
        ChatTemplate = template;
        Name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(description.Folder)));
        Architecture = description.Architecture;
        VocabularySize = description.VocabularySize;
        EndTokens = description.EndTokens;
        _endTokens = [.. description.EndTokens];
        DefaultOptions = description.Generation;
        _decoder = new Decoder(description, options);
    }

    /// <summary>The name of the folder, or of the file without its ending.</summary>
    public string Name { get; }

    /// <summary>The family of the model, as in <c>llama</c>.</summary>
    public string Architecture { get; }

    /// <summary>The most tokens that a conversation may have, its answers included.</summary>
    public int ContextLength => _decoder.ContextLength;

    /// <summary>How many tokens of a prompt are computed at once.</summary>
    public int ChunkLength => _decoder.ChunkLength;

    /// <summary>The number of tokens that the model knows.</summary>
    public int VocabularySize { get; }

    /// <summary>The tokens that end an answer.</summary>
    public IReadOnlyList<int> EndTokens { get; }

    /// <summary>How the model's folder suggests that tokens are chosen.</summary>
    public GenerationOptions DefaultOptions { get; }

    /// <summary>Makes tokens of texts, and texts of tokens.</summary>
    /// <exception cref="InvalidOperationException">The folder has no tokenizer; tokens can be given and taken all the same.</exception>
    public Tokenizer Tokenizer => TokenizerOrNull ?? throw new InvalidOperationException($"The folder of the model has no {Tokenizer.FileName}: give it tokens instead of text.");

    /// <summary>Whether the folder has a tokenizer.</summary>
    public bool HasTokenizer => TokenizerOrNull is not null;

    /// <summary>How the messages of a conversation are written for this model; null where its folder does not say.</summary>
    public ChatTemplate? ChatTemplate { get; }

    /// <summary>The session of the decoder, for its plan and what it takes.</summary>
    public InferenceSession Session => _decoder.Session;

    internal Tokenizer? TokenizerOrNull { get; }

    internal byte[] Fingerprint => field ??= ModelFingerprint.Compute(_decoder.Description.ModelPath);

    /// <summary>How many bytes of mapped weights stay between tokens where nothing else is said: half of what the machine, or the container, has.</summary>
    public static long UsualKeptBytes => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2;

    /// <summary>Opens a model folder: ONNX Runtime GenAI's (<c>genai_config.json</c>), or optimum's (<c>config.json</c> and a decoder with its cache).</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">
    /// How to open it; null for the defaults. Without a budget and a provider of weights, files are mapped and their pages stay
    /// (<see cref="WeightsProvider.DiskMapped"/>): nobody may change them meanwhile.
    /// </param>
    /// <exception cref="ModelFormatException">It is no such folder, or a file is missing or is not what it should be.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The options ask for a longer context than the model was made for.</exception>
    /// <inheritdoc cref="InferenceSession(Model, SessionOptions?)" path="/exception"/>
    public static LanguageModel FromFolder(string folder, LanguageModelOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (!Directory.Exists(folder))
        {
            throw new ModelFormatException(folder, File.Exists(folder) ? "this is a file. A .gguf file is opened with LanguageModel.FromFile." : "there is no such folder.");
        }

        PipelineFiles files = new(null);
        DecoderDescription description = ModelFolder.Read(folder, files);
        Tokenizer? tokenizer = File.Exists(Path.Combine(folder, Tokenizer.FileName)) ? Tokenizer.FromFolder(folder) : null;
        return Open(description, tokenizer, ChatTemplate.FindInFolder(folder), options);
    }

    /// <summary>Opens a GGUF file with a language model: its decoder, vocabulary and chat template.</summary>
    /// <param name="path">The file, whose name ends in <c>.gguf</c>.</param>
    /// <param name="options">As for <see cref="FromFolder"/>.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelFormatException">It is no such file, is damaged, or has something that is not supported: a family of models, a type of numbers, a tokenizer.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The options ask for a longer context than the model was made for.</exception>
    /// <inheritdoc cref="InferenceSession(Model, SessionOptions?)" path="/exception"/>
    public static LanguageModel FromFile(string path, LanguageModelOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        GgufModel model = GgufModel.Read(path);
        return Open(model.Description, model.Tokenizer, model.Template, options);
    }

    private static LanguageModel Open(DecoderDescription description, Tokenizer? tokenizer, ChatTemplate? template, LanguageModelOptions? options)
    {
        options ??= new LanguageModelOptions();
        WeightsProvider? weights = null;
        if (options.Session is { WeightsProvider: null, MemoryBudget: null })
        {
            weights = WeightsProvider.DiskMapped(keptBytes: UsualKeptBytes);
            options = options with { Session = options.Session with { WeightsProvider = weights } };
        }

        try
        {
            return new LanguageModel(description, tokenizer, template, options) { _ownWeights = weights };
        }
        catch
        {
            weights?.Dispose();
            throw;
        }
    }

    /// <summary>Whether a token ends an answer.</summary>
    public bool IsEndToken(int token) => _endTokens.Contains(token);

    /// <summary>Starts a conversation, with a cache for as many tokens as the context has.</summary>
    /// <exception cref="MemoryBudgetException">The budget has no room for it.</exception>
    /// <exception cref="NativeMemoryException">The operating system refuses the memory.</exception>
    public Conversation CreateConversation() => new(this, _decoder);

    /// <summary>Frees the model and all its conversations.</summary>
    public void Dispose()
    {
        _decoder.Dispose();
        _ownWeights?.Dispose();
    }
}
