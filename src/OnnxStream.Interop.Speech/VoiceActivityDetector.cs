namespace OnnxStream.Interop.Speech;

/// <summary>Finds speech in sound with Silero's detector of voices.</summary>
/// <remarks>
/// For models from version 5 on: inputs <c>input</c>, <c>state</c> and <c>sr</c>, outputs <c>output</c> and <c>stateN</c>. A frame is 32 ms; the network also hears the last
/// 4 ms before it. Streams share the session, and wait for one another.
/// </remarks>
public sealed class VoiceActivityDetector : IDisposable
{
    private const string Input = "input", State = "state", Rate = "sr", Output = "output", NextState = "stateN";
    private const int StateWidth = 128;

    private readonly InferenceSession _session;
    private readonly bool _hasRate;
    private readonly VoiceActivityOptions _options;

    /// <summary>Opens the model.</summary>
    /// <param name="path">The <c>.onnx</c> file, or a folder with one.</param>
    /// <param name="options">What counts as speech; null for the defaults.</param>
    /// <param name="sessionOptions">How the session computes; null for one thread, which is quicker for so small a network.</param>
    /// <exception cref="FileNotFoundException">There is no such model.</exception>
    /// <exception cref="OnnxStreamException">The model cannot be used, or is no detector of voices.</exception>
    public VoiceActivityDetector(string path, VoiceActivityOptions? options = null, SessionOptions? sessionOptions = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        _options = options ?? new VoiceActivityOptions();
        if (_options.Threshold is not (> 0 and < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(options), _options.Threshold, "The threshold must be more than 0 and less than 1.");
        }

        ModelPath = FindModel(path);
        Model model = Model.Load(ModelPath);
        Check(model);
        _hasRate = model.Inputs.Any(input => input.Name == Rate);
        _session = new InferenceSession(model, (sessionOptions ?? new SessionOptions { ThreadCount = 1 }) with
        {
            StateBindings = [new StateBinding(NextState, State) { Shape = new Shape(2, 1, StateWidth) }],
        });
    }

    /// <summary>The model's file.</summary>
    public string ModelPath { get; }

    /// <summary>The rates, in samples a second, that streams may have; other sound is brought to the first.</summary>
    /// <remarks>One file of Silero's knows 16 kHz alone, and has that in its name.</remarks>
    public IReadOnlyList<int> SampleRates => !_hasRate || Path.GetFileName(ModelPath).Contains("16k", StringComparison.OrdinalIgnoreCase) ? [16_000] : [16_000, 8_000];

    /// <summary>Begins to listen to a stream of samples.</summary>
    /// <param name="sampleRate">Its rate: any; what is none of <see cref="SampleRates"/> is brought to 16 kHz.</param>
    /// <exception cref="ArgumentOutOfRangeException">The rate is less than <see cref="Sound.LeastRate"/> or more than <see cref="Sound.MostRate"/>.</exception>
    public VoiceActivityStream CreateStream(int sampleRate)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sampleRate, Sound.LeastRate);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sampleRate, Sound.MostRate);
        return new VoiceActivityStream(this, _options, sampleRate, SampleRates.Contains(sampleRate) ? sampleRate : SampleRates[0]);
    }

    /// <summary>Finds speech in a sound.</summary>
    /// <param name="sound">The sound; an empty one has no speech.</param>
    /// <param name="progress">Receives the part of the sound that was heard, 0 to 1; null for nobody.</param>
    /// <param name="cancellationToken">Cancels between frames.</param>
    /// <returns>The segments, in their order.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IReadOnlyList<SpeechSegment> Detect(Sound sound, IProgress<double>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sound);
        using VoiceActivityStream stream = CreateStream(sound.SampleRate);
        List<SpeechSegment> segments = [];
        int piece = sound.SampleRate;
        for (int start = 0; start < sound.Samples.Length; start += piece)
        {
            segments.AddRange(stream.Push(sound.Samples.Slice(start, Math.Min(piece, sound.Samples.Length - start)), cancellationToken));
            progress?.Report(Math.Min(1, (double)(start + piece) / sound.Samples.Length));
        }

        segments.AddRange(stream.Complete(cancellationToken));
        return segments;
    }

    /// <summary>Closes the model.</summary>
    public void Dispose() => _session.Dispose();

    /// <summary>The state of a stream, at its begin.</summary>
    internal SessionState CreateState() => _session.CreateState();

    /// <summary>Hears a frame.</summary>
    internal float Run(TensorBuffer samples, int rate, SessionState state, CancellationToken cancellationToken)
    {
        Dictionary<string, TensorBuffer> inputs = new() { [Input] = samples };
        if (_hasRate)
        {
            inputs.Add(Rate, TensorBuffer.Create<long>([rate]));
        }

        return _session.Run(inputs, state, null, cancellationToken)[Output].Span<float>()[0];
    }

    private static string FindModel(string path)
    {
        if (!Directory.Exists(path))
        {
            return File.Exists(path) ? path : throw new FileNotFoundException($"{path}: no such file or folder.", path);
        }

        string[] models = Directory.GetFiles(path, "*.onnx");
        return models.FirstOrDefault(model => Path.GetFileName(model) == "silero_vad.onnx") ?? (models is [var only] ? only : throw new FileNotFoundException(
            $"{path}: expected silero_vad.onnx in the folder, found {(models.Length == 0 ? "no model" : $"{models.Length} other .onnx files; name one of them")}.", path));
    }

    private static void Check(Model model)
    {
        bool isOne = Has(model.Inputs, Input, ElementType.Float32) && Has(model.Inputs, State, ElementType.Float32)
            && model.Inputs.All(input => input.Name is Input or State or Rate)
            && Has(model.Outputs, Output, ElementType.Float32) && Has(model.Outputs, NextState, ElementType.Float32);
        if (!isOne)
        {
            throw new ModelFormatException(
                model.Path, $"this is no detector of voices of Silero's version 5 or later: it takes {string.Join(", ", model.Inputs)} and gives {string.Join(", ", model.Outputs)}; expected {Input}, {State} and {Rate}, and {Output} and {NextState}, of single precision.");
        }

        static bool Has(IReadOnlyList<ValueMetadata> values, string name, ElementType type) => values.Any(value => value.Name == name && (value.ElementType == type || value.ElementType == ElementType.Undefined));
    }
}
