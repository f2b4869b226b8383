using OnnxStream.Interop.Pipelines;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Diffusion;

/// <summary>The first stage: turns the ids of prompts into hidden states, which the UNET is conditioned on.</summary>
public sealed class TextEncoder : IDisposable
{
    private readonly ModelStage _session;
    private readonly ValueMetadata _ids;
    private readonly ValueMetadata _hiddenState;

    /// <summary>Opens the model.</summary>
    /// <param name="path">An ONNX file or a <c>model.txt</c>.</param>
    /// <param name="options">How its session computes; null for the defaults.</param>
    /// <exception cref="OnnxStreamException">The model cannot be used, or is no text encoder.</exception>
    public TextEncoder(string path, SessionOptions? options = null)
        : this(path, null, options)
    {
    }

    /// <summary>Opens the model, in the file system or in a place of <see cref="ModelFiles"/>.</summary>
    internal TextEncoder(string path, ModelFiles? files, SessionOptions? options)
    {
        _session = new ModelStage(path, new PipelineFiles(files));
        // OnnxStream's folder for Stable Diffusion 1.5 calls the ids after the operator that takes them.
        _ids = TensorNames.Require(path, "The input for token ids", _session.Inputs, ["input_ids"], value => _session.Inputs.Count == 1);
        _hiddenState = TensorNames.Require(
            path, "The output with the hidden states", _session.Outputs, ["last_hidden_state"], value => _session.Outputs.Count == 1 || value.Dimensions is { Count: 3 });
        _session.Prepare(options);
    }

    /// <summary>The number of ids that the model declares for a prompt; null where it leaves that open.</summary>
    public int? ContextLength => _ids.Dimensions is [.., { IsKnown: true } length] ? checked((int)length.Value) : null;

    /// <summary>Computes the hidden states of prompts: all in one run if the model takes any number, else one after the other.</summary>
    /// <param name="prompts">The ids of each prompt.</param>
    /// <param name="cancellationToken">Cancels between operators.</param>
    /// <returns>For each prompt a tensor of <c>[1, ids, width]</c>.</returns>
    public IReadOnlyList<TensorBuffer> Encode(IReadOnlyList<long[]> prompts, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        int size = TensorBatch.Size(_ids, prompts.Count);
        List<TensorBuffer> states = [];
        for (int start = 0; start < prompts.Count; start += size)
        {
            List<long> ids = [];
            for (int i = 0; i < size; i++)
            {
                ids.AddRange(prompts[Math.Min(start + i, prompts.Count - 1)]);
            }

            Shape shape = new(size, prompts[start].Length);
            TensorBuffer input = TensorConversion.ToDeclaredType([.. ids], shape, _ids, _session.Path);
            RunResult result = _session.Run(new Dictionary<string, TensorBuffer> { [_ids.Name] = input }, cancellationToken);
            TensorBuffer output = TensorConversion.ToSingle(result[_hiddenState.Name], _session.Path);
            for (int i = 0; i < size && start + i < prompts.Count; i++)
            {
                states.Add(TensorBatch.Item(output, i));
            }
        }

        return states;
    }

    /// <summary>What the runs up to now took.</summary>
    public StageStatistics Statistics => new(PipelineStage.TextEncoding, _session.Totals);

    /// <summary>Closes the model.</summary>
    public void Dispose() => _session.Dispose();
}
