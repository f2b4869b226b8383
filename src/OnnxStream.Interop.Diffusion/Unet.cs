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
    private readonly ValueMetadata _output;

    /// <summary>Opens the model.</summary>
    /// <param name="path">An ONNX file or a <c>model.txt</c>.</param>
    /// <param name="options">How its session computes; null for the defaults.</param>
    /// <exception cref="OnnxStreamException">The model cannot be used, or is no UNET of Stable Diffusion 1 or 2.</exception>
    public Unet(string path, SessionOptions? options = null)
        : this(path, null, options)
    {
    }

    /// <summary>Opens the model, in the file system or in a place of <see cref="ModelFiles"/>.</summary>
    internal Unet(string path, ModelFiles? files, SessionOptions? options)
    {
        _session = new ModelStage(path, new PipelineFiles(files));
        IReadOnlyList<ValueMetadata> inputs = _session.Inputs;
        _sample = TensorNames.Require(path, "The input for latents", inputs, ["sample"], value => value.Dimensions is { Count: 4 });
        _timestep = TensorNames.Require(path, "The input for the time step", inputs, ["timestep"], value => value.Dimensions is { Count: <= 1 });
        _hiddenState = TensorNames.Require(
            path, "The input for the text encoder's output", inputs, ["encoder_hidden_states"], value => value.Dimensions is { Count: 3 });
        _output = TensorNames.Require(
            path, "The output with the predicted noise", _session.Outputs, ["out_sample"], value => _session.Outputs.Count == 1 || value.Dimensions is { Count: 4 });
        ValueMetadata[] others = [.. inputs.Where(input => input != _sample && input != _timestep && input != _hiddenState)];
        if (others.Length > 0)
        {
            throw new ModelFormatException(
                path, $"the UNET also takes {string.Join<ValueMetadata>(", ", others)}, which a pipeline for Stable Diffusion 1 and 2 does not have.");
        }

        _session.Prepare(options);
    }

    /// <summary>The number of channels that the model declares for latents; null where it leaves that open.</summary>
    public int? LatentChannels => SampleDimension(1);

    /// <summary>The height that the model declares for latents; null where it leaves that open.</summary>
    public int? LatentHeight => SampleDimension(2);

    /// <summary>The width that the model declares for latents; null where it leaves that open.</summary>
    public int? LatentWidth => SampleDimension(3);

    /// <summary>
    /// Predicts the noise under each of several conditions: in one run, which streams the weights once for all of them, if the
    /// model takes any number of samples; else one after the other.
    /// </summary>
    /// <param name="sample">The latents, <c>[1, channels, height, width]</c>, scaled for the model.</param>
    /// <param name="timestep">The time step.</param>
    /// <param name="conditions">Hidden states of the text encoder, each <c>[1, ids, width]</c>.</param>
    /// <param name="cancellationToken">Cancels between operators.</param>
    /// <returns>For each condition a tensor of the sample's shape.</returns>
    public IReadOnlyList<TensorBuffer> Predict(
        TensorBuffer sample, float timestep, IReadOnlyList<TensorBuffer> conditions, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sample);
        ArgumentNullException.ThrowIfNull(conditions);
        int size = TensorBatch.Size(_sample, conditions.Count);
        TensorBuffer samples = TensorBatch.Stack([sample], 0, size);
        List<TensorBuffer> predictions = [];
        for (int start = 0; start < conditions.Count; start += size)
        {
            TensorBuffer states = TensorBatch.Stack(conditions, start, size);
            Dictionary<string, TensorBuffer> inputs = new()
            {
                [_sample.Name] = TensorConversion.ToDeclaredType(samples.Span<float>(), samples.Shape, _sample, _session.Path),
                [_timestep.Name] = Timestep(timestep, size),
                [_hiddenState.Name] = TensorConversion.ToDeclaredType(states.Span<float>(), states.Shape, _hiddenState, _session.Path),
            };
            RunResult result = _session.Run(inputs, cancellationToken);
            TensorBuffer output = TensorConversion.ToSingle(result[_output.Name], _session.Path);
            for (int i = 0; i < size && start + i < conditions.Count; i++)
            {
                predictions.Add(TensorBatch.Item(output, i));
            }
        }

        return predictions;
    }

    /// <summary>What the runs up to now took.</summary>
    public StageStatistics Statistics => new(PipelineStage.Denoising, _session.Totals);

    /// <summary>Closes the model.</summary>
    public void Dispose() => _session.Dispose();

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

    private int? SampleDimension(int index) =>
        _sample.Dimensions is { Count: 4 } dimensions && dimensions[index].IsKnown ? checked((int)dimensions[index].Value) : null;
}
