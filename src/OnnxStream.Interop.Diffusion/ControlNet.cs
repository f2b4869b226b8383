using OnnxStream.Interop.Pipelines;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Diffusion;

/// <summary>Beside the UNET: makes of a picture (edges, a pose) what the UNET adds to its skips. Zhang et al. 2023, <see href="https://arxiv.org/abs/2302.05543"/>.</summary>
public sealed class ControlNet : IDisposable
{
    private readonly ModelStage _session;
    private readonly ValueMetadata _sample;
    private readonly ValueMetadata _timestep;
    private readonly ValueMetadata _hiddenState;
    private readonly ValueMetadata _picture;
    private readonly ValueMetadata? _scale;

    /// <summary>Opens the model.</summary>
    /// <param name="path">An ONNX file or a <c>model.txt</c>.</param>
    /// <param name="options">How its session computes; null for the defaults.</param>
    /// <exception cref="OnnxStreamException">The model cannot be used, or is no ControlNet.</exception>
    public ControlNet(string path, SessionOptions? options = null)
        : this(path, (ModelFiles?)null) => Prepare(options);

    /// <summary>Reads what the model takes; nothing can be computed yet.</summary>
    internal ControlNet(string path, ModelFiles? files)
    {
        _session = new ModelStage(path, new PipelineFiles(files));
        IReadOnlyList<ValueMetadata> inputs = _session.Inputs;
        _sample = TensorNames.Require(path, "The input for latents", inputs, ["sample"], _ => false);
        _timestep = TensorNames.Require(path, "The input for the time step", inputs, ["timestep"], _ => false);
        _hiddenState = TensorNames.Require(path, "The input for the text encoder's output", inputs, ["encoder_hidden_states"], value => value.Dimensions is { Count: 3 });
        _picture = TensorNames.Require(path, "The input for the picture", inputs, ["controlnet_cond"], _ => false);
        _scale = TensorNames.Find(inputs, ["conditioning_scale"], _ => false);
        ValueMetadata[] others = [.. inputs.Except([_sample, _timestep, _hiddenState, _picture, _scale!])];
        if (others.Length > 0)
        {
            throw new ModelFormatException(path, $"the ControlNet also takes {string.Join<ValueMetadata>(", ", others)}, which a pipeline for Stable Diffusion does not have.");
        }
    }

    /// <summary>Makes the session.</summary>
    internal void Prepare(SessionOptions? options) => _session.Prepare(options);

    /// <summary>The number of residuals that the model gives: one for each skip of the UNET, and one for its middle.</summary>
    public int ResidualCount => _session.Outputs.Count;

    /// <summary>Computes residuals.</summary>
    /// <param name="sample">The latents, <c>[1, channels, height, width]</c>, scaled for the model.</param>
    /// <param name="timestep">The time step.</param>
    /// <param name="hiddenStates">The hidden states of the text encoder, <c>[1, ids, width]</c>.</param>
    /// <param name="picture">Planes of red, green and blue from 0 to 1, <c>[1, 3, height, width]</c> in pixels.</param>
    /// <param name="scale">What residuals are multiplied by.</param>
    /// <param name="cancellationToken">Cancels between operators.</param>
    /// <returns>The residuals, in the order of the model's outputs.</returns>
    public IReadOnlyList<TensorBuffer> Compute(
        TensorBuffer sample, float timestep, TensorBuffer hiddenStates, TensorBuffer picture, float scale = 1, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sample);
        ArgumentNullException.ThrowIfNull(hiddenStates);
        ArgumentNullException.ThrowIfNull(picture);
        return Compute([new UnetQuestion(sample, timestep, [new UnetCondition(hiddenStates)])], picture, scale, cancellationToken)[0];
    }

    /// <summary>Computes residuals for several samples, each under its first condition, in one pass over the weights.</summary>
    internal IReadOnlyList<IReadOnlyList<TensorBuffer>> Compute(IReadOnlyList<UnetQuestion> questions, TensorBuffer picture, float scale, CancellationToken cancellationToken) =>
        [.. _session.RunBatch([.. questions.Select(question => Inputs(question, picture, scale))], cancellationToken).Select(result => Residuals(result, scale))];

    /// <summary>What computing residuals for samples like this one would need.</summary>
    internal StageNeed Plan(SessionOptions? options, UnetQuestion question, TensorBuffer picture, IReadOnlyList<int> sets) =>
        _session.Plan(options, Inputs(question, picture, 1).ToDictionary(input => input.Key, input => input.Value.Type), sets);

    private Dictionary<string, TensorBuffer> Inputs(UnetQuestion question, TensorBuffer picture, float scale)
    {
        Dictionary<string, TensorBuffer> inputs = new()
        {
            [_sample.Name] = Convert(question.Sample, _sample),
            [_timestep.Name] = TensorConversion.ToDeclaredType([question.Timestep], _timestep.Dimensions is { Count: 0 } ? Shape.Scalar : new Shape(1), _timestep, _session.Path),
            [_hiddenState.Name] = Convert(question.Conditions[0].HiddenStates, _hiddenState),
            [_picture.Name] = Convert(picture, _picture),
        };
        if (_scale is not null)
        {
            inputs[_scale.Name] = TensorConversion.ToDeclaredType([scale], _scale.Dimensions is { Count: 0 } ? Shape.Scalar : new Shape(1), _scale, _session.Path);
        }

        return inputs;
    }

    private List<TensorBuffer> Residuals(RunResult result, float scale)
    {
        List<TensorBuffer> residuals = [];
        foreach (ValueMetadata output in _session.Outputs)
        {
            TensorBuffer residual = TensorConversion.ToSingle(result[output.Name], _session.Path);
            if (_scale is null && scale != 1)
            {
                foreach (ref float value in residual.Span<float>())
                {
                    value *= scale;
                }
            }

            residuals.Add(residual);
        }

        return residuals;
    }

    /// <summary>What the runs up to now took.</summary>
    public StageStatistics Statistics => new(PipelineStage.Denoising, _session.Totals);

    /// <summary>Closes the model.</summary>
    public void Dispose() => _session.Dispose();

    private TensorBuffer Convert(TensorBuffer tensor, ValueMetadata target) => TensorConversion.ToDeclaredType(tensor.Span<float>(), tensor.Shape, target, _session.Path);
}
