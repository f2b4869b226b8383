using System.Globalization;
using OnnxStream.Interop.Language.Models;

namespace OnnxStream.Interop.Language.Decoding;

/// <summary>A decoder with its session: keys and values stay in native memory from run to run, and runs have few different lengths, so that each is planned once.</summary>
internal sealed class Decoder : IDisposable
{
    /// <summary>How many tokens a short run has: the end of a prompt, or guesses that are checked.</summary>
    public const int ShortLength = 8;

    private const int DefaultChunkLength = 128;

    // Up to so many short runs are quicker than one with a chunk that is mostly filled up.
    private const int MostShortRuns = 3;

    private readonly ValueMetadata _ids;
    private readonly ValueMetadata? _mask;
    private readonly ValueMetadata? _positions;
    private readonly ValueMetadata? _rows;

    /// <summary>Opens the decoder.</summary>
    /// <exception cref="ModelFormatException">The model is not what its folder says.</exception>
    public Decoder(DecoderDescription description, LanguageModelOptions options)
    {
        Description = description;
        if (options.ContextLength > description.ContextLength)
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.ContextLength, $"The model was made for a context of at most {description.ContextLength:N0} tokens.");
        }

        ContextLength = options.ContextLength ?? description.ContextLength;
        ChunkLength = Math.Min(options.ChunkLength ?? description.ChunkLength ?? DefaultChunkLength, ContextLength);
        Model model = WithCache(Model.Load(description.ModelPath));
        _ids = model.Inputs.FirstOrDefault(input => input.Name == description.InputIds) ?? throw Missing(model, "input", description.InputIds);
        _mask = Optional(model, description.AttentionMask);
        _positions = Optional(model, description.PositionIds);
        _rows = model.OptionalInputs.FirstOrDefault(input => input.Name == description.LogitRows && input.ElementType == ElementType.Int64);
        ValueMetadata logits = model.Outputs.FirstOrDefault(output => output.Name == description.Logits) ?? throw Missing(model, "output", description.Logits);
        StateBinding[] bindings = [.. Bindings(description, model, ContextLength).Select(binding => binding with { StoredElementType = options.CacheElementType })];
        ElementType declared = model.Inputs.First(input => input.Name == bindings[0].Input).ElementType;
        CacheElementType = options.CacheElementType ?? declared;
        if (CacheElementType != declared && declared != ElementType.Float32)
        {
            throw new ArgumentException($"The model's keys and values are {declared.ToOnnxName()}; only those of single precision can be kept in another type.", nameof(options));
        }

        string[] given = [.. bindings.Select(binding => binding.Input), .. ((ValueMetadata?[])[_ids, _mask, _positions]).OfType<ValueMetadata>().Select(input => input.Name)];
        if (model.Inputs.FirstOrDefault(input => !given.Contains(input.Name)) is { } unknown)
        {
            throw new ModelFormatException(description.ModelPath, $"the input {unknown} is none that a decoder of this kind has; known are {string.Join(", ", given)}. It may be a model of another task, or want pictures or sound.");
        }

        Session = new InferenceSession(model, options.Session with { StateBindings = bindings, Outputs = [logits.Name, .. bindings.Select(binding => binding.Output)] });
    }

    /// <summary>What the folder says.</summary>
    public DecoderDescription Description { get; }

    /// <summary>The most tokens of a conversation.</summary>
    public int ContextLength { get; }

    /// <summary>How many tokens of a prompt are computed at once.</summary>
    public int ChunkLength { get; }

    /// <summary>The type in which keys and values are kept.</summary>
    public ElementType CacheElementType { get; }

    /// <summary>The session; a run of one conversation waits for that of another.</summary>
    public InferenceSession Session { get; }

    /// <summary>Computes the next tokens of a text. Behind them the state also holds what filled the run up, which the caller must take away.</summary>
    /// <param name="kept">Tensors that belong to the text: texts may be computed on several threads.</param>
    /// <param name="state">The keys and values of the text so far.</param>
    /// <param name="past">How many tokens the text has so far.</param>
    /// <param name="tokens">The next ones: at most <see cref="RunLength"/> of what is left.</param>
    /// <param name="length">How many the run has: not fewer.</param>
    /// <param name="wanted">For how many of the last tokens scores are wanted.</param>
    /// <param name="cancellationToken">Stops the run; the state is then as it was.</param>
    /// <returns>What the run returns; its scores are those of the tokens from <see cref="FirstRow"/> on.</returns>
    public RunResult Run(InputTensors kept, SessionState state, int past, ReadOnlySpan<int> tokens, int length, int wanted, CancellationToken cancellationToken)
    {
        TensorBuffer ids = kept.Get(_ids.Name, TypeOf(_ids), length);
        Fill(ids, tokens);
        Dictionary<string, TensorBuffer> inputs = new(4) { [_ids.Name] = ids };
        if (_mask is not null)
        {
            TensorBuffer mask = new(TypeOf(_mask), new Shape(1, past + length));
            FillOnes(mask);
            inputs.Add(_mask.Name, mask);
        }

        if (_positions is not null)
        {
            TensorBuffer positions = kept.Get(_positions.Name, TypeOf(_positions), length);
            FillPositions(positions, past);
            inputs.Add(_positions.Name, positions);
        }

        if (_rows is not null)
        {
            int first = FirstRow(tokens.Length, length, wanted);
            TensorBuffer rows = kept.GetLine(_rows.Name, first == 0 && (length <= ShortLength || wanted > 1) ? length : 1);
            for (int i = 0; i < rows.Shape[0]; i++)
            {
                rows.Span<long>()[i] = first + i;
            }

            inputs.Add(_rows.Name, rows);
        }

        return Session.Run(inputs, state, options: null, cancellationToken);
    }

    /// <summary>The token of a run that the first row of its scores belongs to.</summary>
    /// <param name="used">How many tokens of the run are the text's.</param>
    /// <param name="length">How many the run has.</param>
    /// <param name="wanted">For how many of the last ones scores are wanted.</param>
    public int FirstRow(int used, int length, int wanted) => _rows is null || wanted > 1 || length <= ShortLength ? 0 : used - 1;

    /// <summary>How many tokens the next run has, and how many of them are the text's; what is missing is filled up.</summary>
    /// <param name="past">How many tokens the text has so far.</param>
    /// <param name="left">How many are to come.</param>
    public (int Length, int Used) RunLength(int past, int left)
    {
        int room = ContextLength - past;
        int length = left >= ChunkLength || (left > ShortLength * MostShortRuns && room >= ChunkLength) ? ChunkLength :
            left > 1 && room >= ShortLength ? ShortLength : 1;
        if (length == past)
        {
            // By its shapes, a session could not tell the run from the state, nor follow the state as it grows.
            length = length == ShortLength || room < ShortLength ? 1 : ShortLength;
        }

        return (length, Math.Min(left, length));
    }

    /// <inheritdoc/>
    public void Dispose() => Session.Dispose();

    // A merged decoder has two branches. The one that reads a cache also begins a text, with an empty one.
    private static Model WithCache(Model model)
    {
        const string UsesCache = "use_cache_branch";
        return Optional(model, UsesCache) is null ? model : model.WithFixedInputs(new Dictionary<string, TensorBuffer> { [UsesCache] = TensorBuffer.Create<bool>([true], 1) });
    }

    private static IEnumerable<StateBinding> Bindings(DecoderDescription description, Model model, int capacity)
    {
        bool known = description.LayerCount is not null;
        for (int layer = 0; layer < (description.LayerCount ?? int.MaxValue); layer++)
        {
            foreach ((string past, string present) in ((string, string)[])[(description.PastKeys, description.PresentKeys), (description.PastValues, description.PresentValues)])
            {
                string input = Name(past, layer);
                string output = Name(present, layer);
                if (model.Inputs.FirstOrDefault(value => value.Name == input) is not { } declared)
                {
                    if (known || layer == 0)
                    {
                        throw Missing(model, "input", input);
                    }

                    yield break;
                }

                if (!model.Outputs.Any(value => value.Name == output))
                {
                    throw Missing(model, "output", output);
                }

                yield return new StateBinding(output, input) { Shape = Start(description, declared), Axis = 2, Capacity = capacity };
            }
        }
    }

    // One sequence, heads, no positions yet, the numbers of a head.
    private static Shape Start(DecoderDescription description, ValueMetadata declared)
    {
        if (declared.Dimensions is not [_, var heads, _, var size])
        {
            throw new ModelFormatException(description.ModelPath, $"the input {declared} should have four dimensions: sequences, heads, positions, numbers of a head.");
        }

        long headCount = heads.IsKnown ? heads.Value : description.CacheHeads ?? throw Open("heads", "num_key_value_heads");
        long headSize = size.IsKnown ? size.Value : description.HeadSize ?? throw Open("size of a head", "head_size");
        return new Shape(1, headCount, 0, headSize);

        ModelFormatException Open(string what, string property) =>
            new(description.ConfigurationPath, $"the model leaves the {what} of {declared} open, and \"{property}\" is missing.");
    }

    private static string Name(string pattern, int layer) => pattern.Replace("%d", layer.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);

    private static ValueMetadata? Optional(Model model, string name) => model.Inputs.FirstOrDefault(input => input.Name == name);

    private static ElementType TypeOf(ValueMetadata input) => input.ElementType == ElementType.Undefined ? ElementType.Int64 : input.ElementType;

    // What fills a run up comes behind the tokens, so none of them sees it; any token will do.
    private void Fill(TensorBuffer tensor, ReadOnlySpan<int> tokens)
    {
        if (tensor.ElementType == ElementType.Int32)
        {
            Span<int> ids = tensor.Span<int>();
            tokens.CopyTo(ids);
            ids[tokens.Length..].Clear();
            return;
        }

        if (tensor.ElementType != ElementType.Int64)
        {
            throw WrongType(_ids);
        }

        Span<long> wide = tensor.Span<long>();
        wide[tokens.Length..].Clear();
        for (int i = 0; i < tokens.Length; i++)
        {
            wide[i] = tokens[i];
        }
    }

    private void FillOnes(TensorBuffer tensor)
    {
        switch (tensor.ElementType)
        {
            case ElementType.Int64:
                tensor.Span<long>().Fill(1);
                break;
            case ElementType.Int32:
                tensor.Span<int>().Fill(1);
                break;
            case ElementType.Bool:
                tensor.Span<bool>().Fill(true);
                break;
            case ElementType.Float32:
                tensor.Span<float>().Fill(1);
                break;
            default:
                throw WrongType(_mask!);
        }
    }

    private void FillPositions(TensorBuffer tensor, int past)
    {
        if (tensor.ElementType is not (ElementType.Int64 or ElementType.Int32))
        {
            throw WrongType(_positions!);
        }

        for (int i = 0; i < tensor.Shape[1]; i++)
        {
            if (tensor.ElementType == ElementType.Int64)
            {
                tensor.Span<long>()[i] = past + i;
            }
            else
            {
                tensor.Span<int>()[i] = past + i;
            }
        }
    }

    private ModelFormatException WrongType(ValueMetadata input) => new(Description.ModelPath, $"the input {input} has an element type that no decoder is known to use.");

    private static ModelFormatException Missing(Model model, string kind, string name) => new(
        model.Path, $"the decoder has no {kind} '{name}'. It has: {string.Join(", ", (kind == "input" ? model.Inputs : model.Outputs).Take(12))}. A decoder that was exported without its cache cannot be used.");
}
