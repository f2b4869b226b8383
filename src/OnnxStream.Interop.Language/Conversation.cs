using OnnxStream.Interop.Language.Decoding;

namespace OnnxStream.Interop.Language;

/// <summary>A text that goes on: its keys and values are kept, so that a longer text with the same beginning is not computed from its start.</summary>
/// <remarks>Several conversations may use one model; runs wait for each other. A conversation makes one answer at a time.</remarks>
public sealed class Conversation : IDisposable
{
    private readonly Decoder _decoder;
    private int _isBusy;

    internal Conversation(LanguageModel model, Decoder decoder)
    {
        Model = model;
        _decoder = decoder;
        Cache = new TokenCache(decoder);
    }

    /// <summary>The model.</summary>
    public LanguageModel Model { get; }

    /// <summary>The tokens whose keys and values are kept.</summary>
    public IReadOnlyList<int> Tokens => Cache.Tokens;

    internal TokenCache Cache { get; }

    /// <summary>Answers a text.</summary>
    /// <param name="prompt">The text.</param>
    /// <param name="options">How tokens are chosen; null for what the model suggests.</param>
    /// <param name="progress">Receives how many tokens of the prompt have been computed; null for nobody.</param>
    /// <param name="cancellationToken">Stops the answer; the conversation stays usable.</param>
    /// <exception cref="InvalidOperationException">The model's folder has no tokenizer.</exception>
    /// <inheritdoc cref="Generate(IReadOnlyList{int}, GenerationOptions?, IProgress{int}?, CancellationToken)"/>
    public Generation Generate(string prompt, GenerationOptions? options = null, IProgress<int>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        return Generate(Model.Tokenizer.Encode(prompt, addSpecialTokens: true), options, progress, cancellationToken);
    }

    /// <summary>Answers tokens. Nothing is computed before the first token of the answer is asked for.</summary>
    /// <param name="prompt">All tokens of the text. What they begin with and this conversation has is not computed again.</param>
    /// <param name="options">How tokens are chosen; null for what the model suggests.</param>
    /// <param name="progress">Receives how many tokens of the prompt have been computed; null for nobody.</param>
    /// <param name="cancellationToken">Stops the answer; the conversation stays usable.</param>
    /// <returns>The answer, which is made while it is read.</returns>
    /// <exception cref="ContextLengthException">The prompt leaves no room for an answer.</exception>
    /// <exception cref="InvalidOperationException">There is a grammar, and the model's folder has no tokenizer.</exception>
    /// <exception cref="ArgumentException">The prompt is empty, or a token is none of the model's.</exception>
    public Generation Generate(IReadOnlyList<int> prompt, GenerationOptions? options = null, IProgress<int>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        if (prompt.Count == 0)
        {
            throw new ArgumentException("The prompt has no tokens.", nameof(prompt));
        }

        if (prompt.Count >= _decoder.ContextLength)
        {
            throw new ContextLengthException(prompt.Count, _decoder.ContextLength);
        }

        int[] tokens = [.. prompt];
        int wrong = Array.FindIndex(tokens, token => (uint)token >= (uint)Model.VocabularySize);
        if (wrong >= 0)
        {
            throw new ArgumentException($"The token {tokens[wrong]} at {wrong} is none of the model's, which are 0 to {Model.VocabularySize - 1}.", nameof(prompt));
        }

        options ??= Model.DefaultOptions;
        if (options.Grammar is not null)
        {
            // A grammar is about text.
            _ = Model.Tokenizer;
        }

        return new Generation(this, _decoder, Model.TokenizerOrNull, tokens, options, progress, cancellationToken);
    }

    /// <summary>Forgets everything.</summary>
    /// <exception cref="InvalidOperationException">An answer is being made.</exception>
    public void Clear()
    {
        using (Enter())
        {
            Cache.Truncate(0);
        }
    }

    /// <summary>Writes the tokens, their keys and values to a file. An unfinished file never has its name.</summary>
    /// <param name="path">The file; one that exists is replaced.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="InvalidOperationException">An answer is being made.</exception>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using (Enter())
        {
            CacheFile.Write(path, Model.Fingerprint, Cache);
        }
    }

    /// <summary>Goes on where a conversation was when it was written to a file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="ModelFormatException">It is no such file, not whole, or of another model.</exception>
    /// <exception cref="ContextLengthException">The conversation is longer than this one's context.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="InvalidOperationException">An answer is being made.</exception>
    public void Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using (Enter())
        {
            CacheFile.Read(path, Model.Fingerprint, Cache, _decoder.ContextLength);
        }
    }

    /// <summary>Frees the caches.</summary>
    public void Dispose() => Cache.Dispose();

    // Two answers at once would each change what the other one stands on.
    internal Busy Enter() => Interlocked.Exchange(ref _isBusy, 1) == 0
        ? new Busy(this)
        : throw new InvalidOperationException("This conversation is making an answer: read it to its end, or stop reading it, before the next call. Conversations of their own can answer side by side.");

    internal readonly struct Busy(Conversation conversation) : IDisposable
    {
        public void Dispose() => Volatile.Write(ref conversation._isBusy, 0);
    }
}
