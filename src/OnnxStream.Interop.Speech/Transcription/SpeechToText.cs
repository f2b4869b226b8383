namespace OnnxStream.Interop.Speech;

/// <summary>Writes what is said in a sound, with a model of Whisper's layout. https://arxiv.org/abs/2212.04356</summary>
/// <remarks>
/// The folder is what Hugging Face's optimum exports: <c>encoder_model.onnx</c>, <c>decoder_model.onnx</c> with <c>decoder_with_past_model.onnx</c> or
/// <c>decoder_model_merged.onnx</c>, in the folder or its folder <c>onnx</c>; <c>config.json</c>, <c>generation_config.json</c>, <c>tokenizer.json</c>. Sound is heard
/// 30 seconds at a time; the next window begins where the last piece ended. Several threads may use it; runs wait for each other.
/// </remarks>
/// <example>
/// <code>
/// using SpeechToText model = SpeechToText.FromFolder("models/whisper-tiny");
/// foreach (TranscriptSegment segment in model.Transcribe(Sound.Load("talk.wav")))
/// {
///     Console.WriteLine($"{segment.Start} {segment.Text}");
/// }
/// </code>
/// </example>
public sealed class SpeechToText : IDisposable
{
    private readonly WhisperFolder _folder;
    private readonly WhisperDecoder _decoder;
    private readonly SessionOptions _options;

    private SpeechToText(WhisperFolder folder, SessionOptions options)
    {
        _folder = folder;
        _options = options;
        _decoder = new WhisperDecoder(folder, options);
    }

    /// <summary>The name of the folder.</summary>
    public string Name => _folder.Name;

    /// <summary>The languages that the model knows, as in <c>en</c>.</summary>
    public IReadOnlyList<string> Languages => _folder.IsMultilingual ? [.. _folder.Tokens.Languages.Keys] : ["en"];

    /// <summary>What is held in managed memory beside sessions while 30 seconds become text: what was heard, and its keys and values.</summary>
    public long TensorBytes
    {
        get
        {
            long positions = (long)_folder.SoundPositions * _folder.Width * sizeof(float);
            long scores = (long)_folder.ContextLength * _folder.VocabularySize * sizeof(float);
            return positions * (1 + (2 * _folder.LayerCount)) + scores + ((long)_folder.BandCount * LogMelSpectrogram.WindowFrames * sizeof(float));
        }
    }

    /// <summary>Opens a model folder. Its networks are opened when they are first needed.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">How sessions compute; null for the defaults. With a budget, one of the three networks is open at a time, which costs time.</param>
    /// <exception cref="ModelFormatException">It is no such folder, or a file is missing or is not what it should be.</exception>
    public static SpeechToText FromFolder(string folder, SessionOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return new SpeechToText(new WhisperFolder(folder), options ?? new SessionOptions());
    }

    /// <summary>What the networks will do, and the memory that each needs for it: for hearing 30 seconds, for the first tokens of a text, and for each further one. Nothing is computed.</summary>
    /// <remarks>Without a budget, all of them stay open; with one, one of them is open at a time. <see cref="TensorBytes"/> come besides.</remarks>
    /// <exception cref="ModelFormatException">A network is not what it should be.</exception>
    public IReadOnlyList<PlanSummary> Plan() => WhisperDecoder.Plan(_folder, _options);

    /// <summary>Whether the model can translate to English.</summary>
    public bool Translates => _folder.IsMultilingual;

    /// <summary>Writes what is said. Nothing is computed before the first piece is asked for.</summary>
    /// <param name="sound">The sound, of any rate; an empty one has no text.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="progress">Receives the part of the sound that was heard, 0 to 1; null for nobody.</param>
    /// <param name="cancellationToken">Stops it between tokens.</param>
    /// <exception cref="ArgumentException">The model does not know the language, or cannot translate.</exception>
    public Transcription Transcribe(Sound sound, TranscriptionOptions? options = null, IProgress<double>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sound);
        options ??= new TranscriptionOptions();
        if (options.Language is { } language && !Languages.Contains(language))
        {
            throw new ArgumentException($"The model '{Name}' does not know the language '{language}'. It knows: {string.Join(", ", Languages)}.", nameof(options));
        }

        if (options.Translates && !_folder.IsMultilingual)
        {
            throw new ArgumentException($"The model '{Name}' knows English only, and does not translate.", nameof(options));
        }

        return new Transcription(_folder, _decoder, sound, options, progress, cancellationToken);
    }

    /// <summary>Closes the networks.</summary>
    public void Dispose() => _decoder.Dispose();
}
