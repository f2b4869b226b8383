using System.Globalization;

namespace OnnxStream.Interop.Speech;

/// <summary>The networks of a Whisper model. The keys and values of a text stay in native memory from token to token; those of what was heard are read where they are.</summary>
internal sealed class WhisperDecoder : IDisposable
{
    private const string Features = "input_features", Hidden = "encoder_hidden_states", LastHidden = "last_hidden_state", Ids = "input_ids", Logits = "logits", UsesCache = "use_cache_branch";

    private static readonly string[] s_kinds = ["key", "value"];

    private readonly WhisperFolder _folder;
    private readonly SessionOptions _options;
    private InferenceSession? _encoder;
    private InferenceSession? _first;
    private InferenceSession? _next;
    private bool _isDisposed;

    /// <summary>Opens nothing yet.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">How sessions compute. With a budget, one of them is open at a time.</param>
    public WhisperDecoder(WhisperFolder folder, SessionOptions options)
    {
        _folder = folder;
        _options = options;
    }

    /// <summary>Plans the three networks for the longest text.</summary>
    public static IReadOnlyList<PlanSummary> Plan(WhisperFolder folder, SessionOptions options)
    {
        using WhisperDecoder decoder = new(folder, options with { PlanOnly = true, MemoryBudget = null });
        return decoder.Plan();
    }

    /// <summary>Held while a window becomes text: with a budget, networks are opened and closed meanwhile.</summary>
    public Lock Gate { get; } = new();

    /// <summary>Hears 30 seconds.</summary>
    /// <param name="features">A row for each band.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>What the decoder looks at: one sequence, positions, numbers.</returns>
    public TensorBuffer Encode(float[] features, CancellationToken cancellationToken)
    {
        InferenceSession session = OpenEncoder();
        Dictionary<string, TensorBuffer> inputs = new() { [Features] = TensorBuffer.Create<float>(features, 1, _folder.BandCount, LogMelSpectrogram.WindowFrames) };
        return session.Run(inputs, options: null, cancellationToken)[LastHidden];
    }

    /// <summary>Reads the first tokens of a text.</summary>
    /// <param name="heard">What was heard.</param>
    /// <param name="tokens">The tokens.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public WhisperPrompt Read(TensorBuffer heard, IReadOnlyList<int> tokens, CancellationToken cancellationToken)
    {
        InferenceSession session = OpenFirst();
        Dictionary<string, TensorBuffer> inputs = new() { [Ids] = Tensor(tokens), [Hidden] = heard };
        if (_folder.IsMerged)
        {
            foreach ((string name, bool _) in Names("past_key_values"))
            {
                inputs.Add(name, TensorBuffer.Create<float>([], 1, _folder.HeadCount, 0, _folder.Width / _folder.HeadCount));
            }
        }

        RunResult result = session.Run(inputs, options: null, cancellationToken);
        return new WhisperPrompt([.. tokens], result[Logits], Names("present").ToDictionary(name => name.Name, name => result[name.Name]));
    }

    /// <summary>Starts a text behind its first tokens.</summary>
    public WhisperText Begin(TensorBuffer heard, WhisperPrompt prompt)
    {
        string[] own = [.. OwnNames];
        InferenceSession session = OpenNext();
        SessionState state = session.CreateState();
        foreach (string name in own)
        {
            state.Write(name, prompt.Present[name.Replace("past_key_values", "present", StringComparison.Ordinal)]);
        }

        Dictionary<string, TensorBuffer> inputs = Names("past_key_values").Where(name => name.IsOfSound)
            .ToDictionary(name => name.Name, name => prompt.Present[name.Name.Replace("past_key_values", "present", StringComparison.Ordinal)]);
        // Some exports look at what was heard here, too.
        if (session.Inputs.Any(input => input.Name == Hidden))
        {
            inputs.Add(Hidden, heard);
        }

        return new WhisperText(session, state, inputs, Ids, Logits);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (Gate)
        {
            _isDisposed = true;
            Close();
        }
    }

    private IEnumerable<string> OwnNames => Names("past_key_values").Where(name => !name.IsOfSound).Select(name => name.Name);

    private IReadOnlyList<PlanSummary> Plan()
    {
        TensorType heard = Floats(1, _folder.SoundPositions, _folder.Width);
        Dictionary<string, TensorType> first = new() { [Ids] = Tokens(_folder.ContextLength), [Hidden] = heard };
        Dictionary<string, TensorType> next = new() { [Ids] = Tokens(1) };
        foreach ((string name, bool isOfSound) in Names("past_key_values"))
        {
            next.Add(name, Past(isOfSound ? _folder.SoundPositions : _folder.ContextLength - 1));
            if (_folder.IsMerged)
            {
                first.Add(name, Past(0));
            }
        }

        InferenceSession session = OpenNext();
        if (session.Inputs.Any(input => input.Name == Hidden))
        {
            next.Add(Hidden, heard);
        }

        return
        [
            OpenEncoder().Plan(new Dictionary<string, TensorType> { [Features] = Floats(1, _folder.BandCount, LogMelSpectrogram.WindowFrames) }),
            OpenFirst().Plan(first),
            session.Plan(next),
        ];

        TensorType Past(long length) => Floats(1, _folder.HeadCount, length, _folder.Width / _folder.HeadCount);

        static TensorType Floats(params long[] shape) => new(ElementType.Float32, new Shape(shape));

        static TensorType Tokens(long count) => new(ElementType.Int64, new Shape(1, count));
    }

    private InferenceSession OpenEncoder() => Open(ref _encoder, _folder.Encoder, usesCache: null, [], [LastHidden]);

    private InferenceSession OpenFirst() => Open(ref _first, _folder.FirstDecoder, usesCache: false, [], [Logits, .. Names("present").Select(name => name.Name)]);

    private InferenceSession OpenNext()
    {
        StateBinding[] bindings = [.. OwnNames.Select(name => new StateBinding(name.Replace("past_key_values", "present", StringComparison.Ordinal), name)
        {
            Shape = new Shape(1, _folder.HeadCount, 0, _folder.Width / _folder.HeadCount),
            Axis = 2,
            Capacity = _folder.ContextLength,
        })];
        return Open(ref _next, _folder.NextDecoder, usesCache: true, bindings, [Logits, .. bindings.Select(binding => binding.Output)]);
    }

    private static TensorBuffer Tensor(IReadOnlyList<int> tokens) => TensorBuffer.Create<long>([.. tokens.Select(token => (long)token)], 1, tokens.Count);

    private IEnumerable<(string Name, bool IsOfSound)> Names(string prefix) =>
        from layer in Enumerable.Range(0, _folder.LayerCount)
        from isOfSound in (bool[])[false, true]
        from kind in s_kinds
        select ($"{prefix}.{layer.ToString(CultureInfo.InvariantCulture)}.{(isOfSound ? "encoder" : "decoder")}.{kind}", isOfSound);

    private InferenceSession Open(ref InferenceSession? session, string path, bool? usesCache, IReadOnlyList<StateBinding> bindings, IReadOnlyList<string> outputs)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, typeof(SpeechToText));
        if (session is not null)
        {
            return session;
        }

        if (_options.MemoryBudget is not null)
        {
            Close();
        }

        Model model = Model.Load(path);
        if (outputs.FirstOrDefault(output => !model.Outputs.Any(value => value.Name == output)) is { } missing)
        {
            throw new ModelFormatException(path, $"the model has no output '{missing}'. It has: {string.Join(", ", model.Outputs.Take(12))}. Expected what Hugging Face's optimum exports of a Whisper model with its cache.");
        }

        // Which branch of a merged decoder is meant is known before it is planned.
        if (_folder.IsMerged && usesCache is { } isWithCache)
        {
            model = model.WithFixedInputs(new Dictionary<string, TensorBuffer> { [UsesCache] = TensorBuffer.Create<bool>([isWithCache], 1) });
        }

        return session = new InferenceSession(model, _options with { StateBindings = bindings, Outputs = outputs });
    }

    private void Close()
    {
        _encoder?.Dispose();
        _first?.Dispose();
        _next?.Dispose();
        (_encoder, _first, _next) = (null, null, null);
    }
}
