using System.Globalization;
using OnnxStream.Interop.Pipelines;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Diffusion;

/// <summary>The first stage: turns the ids of prompts into hidden states, which the UNET is conditioned on.</summary>
public sealed class TextEncoder : IDisposable
{
    private const string LayerPrefix = "hidden_states.";

    private readonly ModelStage _session;
    private readonly ValueMetadata _ids;
    private readonly ValueMetadata? _hiddenState;
    private readonly ValueMetadata? _pooled;

    // What each layer gives, the embeddings first; before the norm that follows the last layer. Empty where the model does not say it.
    private readonly ValueMetadata[] _layers;

    /// <summary>Opens the model.</summary>
    /// <param name="path">An ONNX file or a <c>model.txt</c>.</param>
    /// <param name="options">How its session computes; null for the defaults.</param>
    /// <exception cref="OnnxStreamException">The model cannot be used, or is no text encoder.</exception>
    public TextEncoder(string path, SessionOptions? options = null)
        : this(path, null, options)
    {
    }

    /// <summary>Opens the model, in the file system or in a place of <see cref="ModelFiles"/>.</summary>
    internal TextEncoder(string path, ModelFiles? files, SessionOptions? options, Func<Model, Model>? adapt = null)
        : this(path, files, adapt) => Prepare(options);

    /// <summary>Reads what the model takes; nothing can be computed yet.</summary>
    internal TextEncoder(string path, ModelFiles? files, Func<Model, Model>? adapt = null)
    {
        _session = new ModelStage(path, new PipelineFiles(files), adapt);
        // OnnxStream's folder for Stable Diffusion 1.5 calls the ids after the operator that takes them.
        _ids = TensorNames.Require(path, "The input for token ids", _session.Inputs, ["input_ids"], value => _session.Inputs.Count == 1);
        _layers =
        [
            .. _session.Outputs
                .Select(output => (Output: output, Number: LayerNumber(output.Name)))
                .Where(layer => layer.Number >= 0)
                .OrderBy(layer => layer.Number)
                .Select(layer => layer.Output),
        ];
        _hiddenState = TensorNames.Require(
            path,
            "The output with the hidden states",
            _session.Outputs,
            ["last_hidden_state"],
            value => _session.Outputs.Count == 1 || (value.Dimensions is { Count: 3 } && LayerNumber(value.Name) < 0));
        _pooled = TensorNames.Find(_session.Outputs, ["text_embeds", "pooler_output"], value => value.Dimensions is { Count: 2 });
    }

    /// <summary>Makes the session.</summary>
    internal void Prepare(SessionOptions? options) => _session.Prepare(options);

    /// <summary>The number of ids that the model declares for a prompt; null where it leaves that open.</summary>
    public int? ContextLength => _ids.Dimensions is [.., { IsKnown: true } length] ? checked((int)length.Value) : null;

    /// <summary>Whether the model gives what its inner layers compute, as <c>hidden_states.0</c> and so on.</summary>
    public bool HasLayers => _layers.Length > 1;

    /// <summary>Computes the hidden states of prompts, all in one pass over the weights.</summary>
    /// <param name="prompts">The ids of each prompt.</param>
    /// <param name="cancellationToken">Cancels between operators.</param>
    /// <returns>For each prompt a tensor of <c>[1, ids, width]</c>.</returns>
    public IReadOnlyList<TensorBuffer> Encode(IReadOnlyList<long[]> prompts, CancellationToken cancellationToken = default) =>
        [.. Encode(prompts, 0, isNormalized: true, cancellationToken).Select(encoding => encoding.HiddenStates)];

    /// <summary>As the other one, of an inner layer, and with the pooled output.</summary>
    /// <param name="prompts">The ids of each prompt.</param>
    /// <param name="layersSkipped">How many of the last layers are left out.</param>
    /// <param name="isNormalized">
    /// Whether the norm that follows the last layer is applied, as Stable Diffusion 1 and 2 want it; SDXL does not. Where layers are
    /// left out, its scale and shift are found from what the model gives before and after it.
    /// </param>
    /// <param name="cancellationToken">Cancels between operators.</param>
    /// <exception cref="ModelFormatException">The model does not give its inner layers, and they are asked for.</exception>
    public IReadOnlyList<TextEncoding> Encode(IReadOnlyList<long[]> prompts, int layersSkipped, bool isNormalized, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentOutOfRangeException.ThrowIfNegative(layersSkipped);
        bool isInner = CheckLayers(layersSkipped, isNormalized);
        int size = TensorBatch.SetSize(_ids);
        List<IReadOnlyDictionary<string, TensorBuffer>> sets = [];
        for (int start = 0; start < prompts.Count; start += size)
        {
            List<long> ids = [];
            for (int i = 0; i < size; i++)
            {
                ids.AddRange(prompts[Math.Min(start + i, prompts.Count - 1)]);
            }

            sets.Add(new Dictionary<string, TensorBuffer> { [_ids.Name] = TensorConversion.ToDeclaredType([.. ids], new Shape(size, prompts[start].Length), _ids, _session.Path) });
        }

        List<TextEncoding> encodings = [];
        foreach (RunResult result in _session.RunBatch(sets, cancellationToken))
        {
            TensorBuffer states = Output(isInner ? _layers[^(1 + layersSkipped)] : _hiddenState!);
            if (isNormalized && layersSkipped > 0)
            {
                states = Normalize(states, Output(_layers[^1]), Output(_hiddenState!));
            }

            TensorBuffer? pooled = _pooled is null ? null : Output(_pooled);
            for (int i = 0; i < size && encodings.Count < prompts.Count; i++)
            {
                encodings.Add(new TextEncoding(TensorBatch.Item(states, i), pooled is null ? null : TensorBatch.Item(pooled, i)));
            }

            TensorBuffer Output(ValueMetadata output) => TensorConversion.ToSingle(result[output.Name], _session.Path);
        }

        return encodings;
    }

    /// <summary>Refuses an inner layer that the model does not give; says whether it is an inner layer that is asked for.</summary>
    /// <exception cref="ModelFormatException">The model does not give it.</exception>
    internal bool CheckLayers(int layersSkipped, bool isNormalized)
    {
        bool isInner = layersSkipped > 0 || !isNormalized;
        return isInner && _layers.Length <= layersSkipped
            ? throw new ModelFormatException(
                _session.Path, $"layer {layersSkipped} from the end is asked for, and the text encoder gives {_layers.Length} inner layers; export it with its hidden states ({LayerPrefix}0, {LayerPrefix}1, …).")
            : isInner;
    }

    /// <summary>The width of hidden states that the model declares; null where it leaves that open.</summary>
    internal int? Width => Known(_hiddenState ?? _layers[^1]);

    /// <summary>The width of the pooled output that the model declares; null where it leaves that open, or has none.</summary>
    internal int? PooledWidth => _pooled is null ? null : Known(_pooled);

    /// <summary>Whether the model has a pooled output.</summary>
    internal bool HasPooled => _pooled is not null;

    /// <summary>What encoding so many prompts would need.</summary>
    /// <param name="options">How the session would compute.</param>
    /// <param name="length">The ids of each.</param>
    /// <param name="prompts">The number of prompts.</param>
    /// <returns>The need, and the number of sets of inputs that they are.</returns>
    internal (StageNeed Need, int Sets) Plan(SessionOptions? options, int length, int prompts)
    {
        int size = TensorBatch.SetSize(_ids), sets = (prompts + size - 1) / size;
        TensorType type = new(_ids.ElementType == ElementType.Undefined ? ElementType.Int64 : _ids.ElementType, new Shape(size, length));
        return (_session.Plan(options, new Dictionary<string, TensorType> { [_ids.Name] = type }, sets), sets);
    }

    /// <summary>What the runs up to now took.</summary>
    public StageStatistics Statistics => new(PipelineStage.TextEncoding, _session.Totals);

    /// <summary>Closes the model.</summary>
    public void Dispose() => _session.Dispose();

    private static int? Known(ValueMetadata value) => value.Dimensions is [.., { IsKnown: true } width] ? checked((int)width.Value) : null;

    private static int LayerNumber(string name)
    {
        string plain = TensorNames.Unescape(name);
        return plain.StartsWith(LayerPrefix, StringComparison.Ordinal) && int.TryParse(plain.AsSpan(LayerPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : -1;
    }

    /// <summary>Applies to states the layer norm that made <paramref name="after"/> of <paramref name="before"/>: in each channel a line, found by least squares.</summary>
    private static TensorBuffer Normalize(TensorBuffer states, TensorBuffer before, TensorBuffer after)
    {
        int width = checked((int)states.Shape[^1]), rows = checked((int)(states.Shape.ElementCount / width));
        double[] x = Standardize(before.Span<float>(), width), other = Standardize(states.Span<float>(), width);
        ReadOnlySpan<float> y = after.Span<float>();
        TensorBuffer result = new(ElementType.Float32, states.Shape);
        Span<float> values = result.Span<float>();
        for (int channel = 0; channel < width; channel++)
        {
            double sumX = 0, sumY = 0, squares = 0, products = 0;
            for (int i = channel; i < y.Length; i += width)
            {
                (sumX, sumY, squares, products) = (sumX + x[i], sumY + y[i], squares + (x[i] * x[i]), products + (x[i] * y[i]));
            }

            double spread = squares - (sumX * sumX / rows);
            double scale = spread > 0 ? (products - (sumX * sumY / rows)) / spread : 0;
            double shift = (sumY - (scale * sumX)) / rows;
            for (int i = channel; i < y.Length; i += width)
            {
                values[i] = (float)((scale * other[i]) + shift);
            }
        }

        return result;
    }

    private static double[] Standardize(ReadOnlySpan<float> values, int width)
    {
        const double Epsilon = 1e-5;
        double[] result = new double[values.Length];
        for (int row = 0; row < values.Length; row += width)
        {
            double mean = 0, variance = 0;
            foreach (float value in values.Slice(row, width))
            {
                mean += value / (double)width;
            }

            foreach (float value in values.Slice(row, width))
            {
                variance += (value - mean) * (value - mean) / width;
            }

            double scale = 1 / Math.Sqrt(variance + Epsilon);
            for (int i = row; i < row + width; i++)
            {
                result[i] = (values[i] - mean) * scale;
            }
        }

        return result;
    }
}
