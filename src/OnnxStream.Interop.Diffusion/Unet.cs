using OnnxStream.Interop.Pipelines;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Diffusion;

/// <summary>The second stage: predicts the noise in latents, given what they should show.</summary>
public sealed class Unet : IDisposable
{
    private readonly ModelStage _session;
    private readonly ValueMetadata _sample;
    private readonly ValueMetadata _timestep;
    private readonly ValueMetadata _hiddenState;
    private readonly ValueMetadata? _textEmbedding;
    private readonly ValueMetadata? _timeIds;
    private readonly ValueMetadata? _timestepCondition;
    private readonly ValueMetadata[] _residuals;
    private readonly ValueMetadata _output;
    private readonly Func<string, ModelStage> _openUpper;
    private ModelStage? _upper;
    private string? _deep;

    /// <summary>Opens the model.</summary>
    /// <param name="path">An ONNX file or a <c>model.txt</c>.</param>
    /// <param name="options">How its session computes; null for the defaults.</param>
    /// <exception cref="OnnxStreamException">The model cannot be used, or is no UNET of the Stable Diffusion family.</exception>
    public Unet(string path, SessionOptions? options = null)
        : this(path, (ModelFiles?)null) => Prepare(options);

    /// <summary>Reads what the model takes, in the file system or in a place of <see cref="ModelFiles"/>; nothing can be computed yet.</summary>
    internal Unet(string path, ModelFiles? files, Func<Model, Model>? adapt = null)
    {
        _session = new ModelStage(path, new PipelineFiles(files), adapt);
        _openUpper = deep => new ModelStage(path, new PipelineFiles(files), model => (adapt?.Invoke(model) ?? model).WithInputs(deep));
        IReadOnlyList<ValueMetadata> inputs = _session.Inputs;
        _sample = TensorNames.Require(path, "The input for latents", inputs, ["sample"], value => value.Dimensions is { Count: 4 });
        _timestep = TensorNames.Require(path, "The input for the time step", inputs, ["timestep"], value => value.Dimensions is { Count: <= 1 });
        _hiddenState = TensorNames.Require(
            path, "The input for the text encoder's output", inputs, ["encoder_hidden_states"], value => value.Dimensions is { Count: 3 });
        _output = TensorNames.Require(
            path, "The output with the predicted noise", _session.Outputs, ["out_sample"], value => _session.Outputs.Count == 1 || value.Dimensions is { Count: 4 });
        _textEmbedding = TensorNames.Find(inputs, ["text_embeds"], _ => false);
        _timeIds = TensorNames.Find(inputs, ["time_ids"], _ => false);
        _timestepCondition = TensorNames.Find(inputs, ["timestep_cond"], _ => false);

        // In the order in which they are declared, which is that of the skips; the middle's is last.
        _residuals =
        [
            .. inputs.Where(input => TensorNames.Unescape(input.Name).StartsWith("down_block", StringComparison.Ordinal)),
            .. inputs.Where(input => TensorNames.Unescape(input.Name).StartsWith("mid_block", StringComparison.Ordinal)),
        ];
        ValueMetadata[] others = [.. inputs.Except([_sample, _timestep, _hiddenState, _textEmbedding!, _timeIds!, _timestepCondition!, .. _residuals])];
        if (others.Length > 0)
        {
            throw new ModelFormatException(
                path, $"the UNET also takes {string.Join<ValueMetadata>(", ", others)}, which a pipeline for Stable Diffusion and SDXL does not have.");
        }

        if ((_textEmbedding is null) != (_timeIds is null))
        {
            throw new ModelFormatException(
                path, $"the UNET takes {(_textEmbedding ?? _timeIds)!.Name} alone; one of SDXL takes text_embeds and time_ids.");
        }
    }

    /// <summary>Reads the part of the model that lies behind its last skip connection: the layers that are nearest to the picture, which can go on from what deep ones made before.</summary>
    /// <exception cref="ModelFormatException">The model has no skip connections.</exception>
    internal void OpenUpper()
    {
        _deep = _session.FindSkipConnections() is [.., { } last] ? last.Deep : throw new ModelFormatException(_session.Path, "the UNET has no skip connections, behind which steps could begin (DeepCache).");
        _upper = _openUpper(_deep);
    }

    /// <summary>Makes the session.</summary>
    /// <param name="options">How it computes.</param>
    /// <param name="evaluations">How many conditions of all pictures will usually go together.</param>
    /// <param name="upperOptions">How the part computes that <see cref="OpenUpper"/> reads, if it was.</param>
    internal void Prepare(SessionOptions? options, int evaluations = 1, SessionOptions? upperOptions = null)
    {
        int sets = SetsFor(evaluations);
        _session.Prepare(WithDeep(options), sets);
        _upper?.Prepare(upperOptions, sets);
    }

    private SessionOptions? WithDeep(SessionOptions? options) => _deep is null ? options : (options ?? new SessionOptions()) with { AdditionalOutputs = [_deep] };

    /// <summary>The number of channels that the model declares for latents; null where it leaves that open.</summary>
    public int? LatentChannels => SampleDimension(1);

    /// <summary>The height that the model declares for latents; null where it leaves that open.</summary>
    public int? LatentHeight => SampleDimension(2);

    /// <summary>The width that the model declares for latents; null where it leaves that open.</summary>
    public int? LatentWidth => SampleDimension(3);

    /// <summary>The number of ids that the model declares for a prompt; null where it leaves that open.</summary>
    public int? ContextLength => Known(_hiddenState, 1);

    /// <summary>The width of hidden states that the model declares; null where it leaves that open.</summary>
    public int? ContextWidth => Known(_hiddenState, 2);

    /// <summary>Whether the model also takes the pooled text and sizes, as that of SDXL does.</summary>
    public bool TakesTextEmbedding => _textEmbedding is not null;

    /// <summary>The width of the embedding of the guidance scale that the model takes, as one of latent consistency does; null if it takes none.</summary>
    public int? TimestepConditionWidth => _timestepCondition is null ? null : Known(_timestepCondition, 1) ?? 256;

    /// <summary>How many residuals of a ControlNet the model takes.</summary>
    public int ResidualCount => _residuals.Length;

    /// <summary>Predicts the noise under each of several conditions, in one pass over the weights.</summary>
    /// <param name="sample">The latents, <c>[1, channels, height, width]</c>, scaled for the model.</param>
    /// <param name="timestep">The time step.</param>
    /// <param name="conditions">Hidden states of the text encoder, each <c>[1, ids, width]</c>.</param>
    /// <param name="cancellationToken">Cancels between operators.</param>
    /// <returns>For each condition a tensor of the sample's shape.</returns>
    public IReadOnlyList<TensorBuffer> Predict(
        TensorBuffer sample, float timestep, IReadOnlyList<TensorBuffer> conditions, CancellationToken cancellationToken = default) =>
        Predict(sample, timestep, [.. conditions.Select(states => new UnetCondition(states))], null, cancellationToken);

    /// <summary>As the other one, under conditions that may be more than hidden states.</summary>
    /// <param name="sample">The latents, <c>[1, channels, height, width]</c>, scaled for the model; for an inpainting model with the mask and the masked picture's latents behind.</param>
    /// <param name="timestep">The time step.</param>
    /// <param name="conditions">The conditions.</param>
    /// <param name="timestepCondition">The embedding of the guidance scale, for a model that takes it; else null.</param>
    /// <param name="cancellationToken">Cancels between operators.</param>
    /// <returns>For each condition a tensor of the latents' shape.</returns>
    /// <exception cref="ArgumentException">A condition lacks what the model takes.</exception>
    public IReadOnlyList<TensorBuffer> Predict(
        TensorBuffer sample, float timestep, IReadOnlyList<UnetCondition> conditions, ReadOnlyMemory<float>? timestepCondition = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sample);
        ArgumentNullException.ThrowIfNull(conditions);
        return Predict([new UnetQuestion(sample, timestep, conditions)], timestepCondition, cancellationToken)[0];
    }

    /// <summary>Predicts the noise in the latents of several pictures, each under several conditions: in one pass over the weights, whatever batch the model declares, as far as the budget of the session has room.</summary>
    /// <param name="questions">The pictures. What one is answered does not depend on the others.</param>
    /// <param name="timestepCondition">The embedding of the guidance scale, for a model that takes it; else null.</param>
    /// <param name="cancellationToken">Cancels between operators.</param>
    /// <returns>For each picture, for each condition a tensor of the latents' shape.</returns>
    /// <exception cref="ArgumentException">A condition lacks what the model takes.</exception>
    public IReadOnlyList<IReadOnlyList<TensorBuffer>> Predict(
        IReadOnlyList<UnetQuestion> questions, ReadOnlyMemory<float>? timestepCondition = null, CancellationToken cancellationToken = default) =>
        Predict(questions, timestepCondition, null, isFresh: true, cancellationToken);

    /// <summary>As the other one, from the beginning, or from what deep layers made before.</summary>
    /// <param name="questions">The pictures.</param>
    /// <param name="timestepCondition">The embedding of the guidance scale, for a model that takes it; else null.</param>
    /// <param name="deep">What deep layers make is kept here; null to keep nothing. <see cref="OpenUpper"/> must have been called otherwise.</param>
    /// <param name="isFresh">Whether they compute; also where nothing is kept of as many sets of inputs.</param>
    /// <param name="cancellationToken">Cancels between operators.</param>
    internal IReadOnlyList<IReadOnlyList<TensorBuffer>> Predict(
        IReadOnlyList<UnetQuestion> questions, ReadOnlyMemory<float>? timestepCondition, DeepValues? deep, bool isFresh, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(questions);
        int size = TensorBatch.SetSize(_sample);
        List<Dictionary<string, TensorBuffer>> sets = [];
        foreach (UnetQuestion question in questions)
        {
            for (int start = 0; start < question.Conditions.Count; start += size)
            {
                sets.Add(Inputs(question, start, size, timestepCondition));
            }
        }

        IReadOnlyList<RunResult> results = Run(sets, deep, isFresh, cancellationToken);
        List<IReadOnlyList<TensorBuffer>> answers = [];
        int next = 0;
        foreach (UnetQuestion question in questions)
        {
            List<TensorBuffer> predictions = [];
            while (predictions.Count < question.Conditions.Count)
            {
                TensorBuffer output = TensorConversion.ToSingle(results[next++][_output.Name], _session.Path);
                for (int i = 0; i < size && predictions.Count < question.Conditions.Count; i++)
                {
                    predictions.Add(TensorBatch.Item(output, i));
                }
            }

            answers.Add(predictions);
        }

        return answers;
    }

    private IReadOnlyList<RunResult> Run(List<Dictionary<string, TensorBuffer>> sets, DeepValues? deep, bool isFresh, CancellationToken cancellationToken)
    {
        if (deep is null)
        {
            return _session.RunBatch(sets, cancellationToken);
        }

        if (!isFresh && deep.Sets.Count == sets.Count)
        {
            for (int i = 0; i < sets.Count; i++)
            {
                sets[i].Add(_deep!, deep.Sets[i]);
            }

            return _upper!.RunBatch(sets, cancellationToken);
        }

        // The last ones are let go before new ones come.
        deep.Sets.Clear();
        IReadOnlyList<RunResult> results = _session.RunBatch(sets, cancellationToken);
        deep.Sets.AddRange(results.Select(result => result[_deep!]));
        return results;
    }

    /// <summary>What answering questions like this one would need.</summary>
    /// <param name="options">How the session would compute.</param>
    /// <param name="question">A question with one condition; its numbers do not matter.</param>
    /// <param name="sets">The numbers of sets of inputs that runs would be given (<see cref="SetsFor"/>).</param>
    internal StageNeed Plan(SessionOptions? options, UnetQuestion question, IReadOnlyList<int> sets) => _session.Plan(WithDeep(options), Types(question), sets);

    /// <summary>What answering them from what deep layers made before would need; null where the size of that is not known.</summary>
    /// <inheritdoc cref="Plan" path="/param"/>
    internal StageNeed? PlanUpper(SessionOptions? options, UnetQuestion question, IReadOnlyList<int> sets)
    {
        // What deep layers made has the height and width of the latents, where the last connection is; its bytes tell the channels.
        Dictionary<string, TensorType> types = Types(question);
        SessionOptions free = (options ?? new SessionOptions()) with { MemoryBudget = null };
        long bytes = _session.Plan(WithDeep(free), types, 1).Plan.OutputBytes - _session.Plan(free, types, 1).Plan.OutputBytes;
        ElementType element = types[_sample.Name].ElementType;
        Shape sample = types[_sample.Name].Shape;
        long one = new TensorType(element, sample.With(1, 1)).ByteLength, channels = bytes / one;
        if (bytes == 0 || bytes % one != 0)
        {
            return null;
        }

        types.Add(_deep!, new TensorType(element, sample.With(1, channels)));
        return _upper!.Plan(options, types, sets);
    }

    private Dictionary<string, TensorType> Types(UnetQuestion question)
    {
        ReadOnlyMemory<float>? timestepCondition = TimestepConditionWidth is { } width ? new float[width] : null;
        return Inputs(question, 0, TensorBatch.SetSize(_sample), timestepCondition).ToDictionary(input => input.Key, input => input.Value.Type);
    }

    /// <summary>How many sets of inputs a question of so many conditions is.</summary>
    internal int SetsFor(int conditions) => (conditions + TensorBatch.SetSize(_sample) - 1) / TensorBatch.SetSize(_sample);

    /// <summary>The width of the pooled text that the model declares; null where it leaves that open, or takes none.</summary>
    internal int? TextEmbeddingWidth => _textEmbedding is null ? null : Known(_textEmbedding, 1);

    /// <summary>The shapes of residuals for one sample that the model declares; null where it leaves one open.</summary>
    internal IReadOnlyList<Shape>? ResidualShapes =>
        _residuals.All(residual => residual.Dimensions is { Count: 4 } dimensions && dimensions.Skip(1).All(dimension => dimension.IsKnown))
            ? [.. _residuals.Select(residual => new Shape([1, .. residual.Dimensions!.Skip(1).Select(dimension => dimension.Value)]))]
            : null;

    /// <summary>What the runs up to now took.</summary>
    public StageStatistics Statistics => new(PipelineStage.Denoising, _session.Totals);

    /// <summary>What the runs of the part took that <see cref="OpenUpper"/> reads; null if it was not.</summary>
    internal StageStatistics? UpperStatistics => _upper is null ? null : new StageStatistics(PipelineStage.Denoising, _upper.Totals);

    /// <summary>Closes the model.</summary>
    public void Dispose()
    {
        _session.Dispose();
        _upper?.Dispose();
    }

    // What the model is given for some conditions of a picture; the last one fills what lacks.
    private Dictionary<string, TensorBuffer> Inputs(UnetQuestion question, int start, int size, ReadOnlyMemory<float>? timestepCondition)
    {
        IReadOnlyList<UnetCondition> conditions = question.Conditions;
        TensorBuffer samples = TensorBatch.Stack([question.Sample], 0, size);
        Dictionary<string, TensorBuffer> inputs = new()
        {
            [_sample.Name] = TensorConversion.ToDeclaredType(samples.Span<float>(), samples.Shape, _sample, _session.Path),
            [_timestep.Name] = Timestep(question.Timestep, size),
        };
        Add(_hiddenState, condition => condition.HiddenStates);
        Add(_textEmbedding, condition => condition.TextEmbedding);
        Add(_timeIds, condition => condition.TimeIds);
        for (int i = 0; i < _residuals.Length; i++)
        {
            int index = i;
            Add(_residuals[i], condition => condition.Residuals.Count == _residuals.Length ? condition.Residuals[index] : null);
        }

        if (_timestepCondition is not null)
        {
            ReadOnlyMemory<float> embedding = timestepCondition ?? throw new ArgumentException($"The UNET takes {_timestepCondition}, which was not given.", nameof(timestepCondition));
            TensorBuffer stacked = TensorBatch.Stack([TensorBuffer.Create<float>(embedding.Span, 1, embedding.Length)], 0, TensorBatch.Size(_timestepCondition, size));
            inputs[_timestepCondition.Name] = TensorConversion.ToDeclaredType(stacked.Span<float>(), stacked.Shape, _timestepCondition, _session.Path);
        }

        return inputs;

        void Add(ValueMetadata? input, Func<UnetCondition, TensorBuffer?> select)
        {
            if (input is not null)
            {
                TensorBuffer[] items = [.. conditions.Select(condition => select(condition) ?? throw new ArgumentException($"The UNET takes {input}, which a condition lacks.", nameof(question)))];
                TensorBuffer stacked = TensorBatch.Stack(items, start, size);
                inputs[input.Name] = TensorConversion.ToDeclaredType(stacked.Span<float>(), stacked.Shape, input, _session.Path);
            }
        }
    }

    private TensorBuffer Timestep(float timestep, int size)
    {
        if (_timestep.Dimensions is { Count: 0 })
        {
            return TensorConversion.ToDeclaredType([timestep], Shape.Scalar, _timestep, _session.Path);
        }

        // One time step serves the whole batch, unless the model declares as many as there are samples.
        int count = _timestep.Dimensions is not [var declared] ? 1 :
            declared.IsKnown ? checked((int)declared.Value) :
            declared.Symbol is not null && declared.Symbol == _sample.Dimensions?[0].Symbol ? size : 1;
        float[] timesteps = new float[count];
        timesteps.AsSpan().Fill(timestep);
        return TensorConversion.ToDeclaredType(timesteps, new Shape(count), _timestep, _session.Path);
    }

    private int? SampleDimension(int index) => _sample.Dimensions is { Count: 4 } ? Known(_sample, index) : null;

    private static int? Known(ValueMetadata value, int index) =>
        value.Dimensions is { } dimensions && index < dimensions.Count && dimensions[index].IsKnown ? checked((int)dimensions[index].Value) : null;
}
