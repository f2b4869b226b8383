using OnnxStream.Interop.Diffusion.Adapters;
using OnnxStream.Interop.Diffusion.Prompts;

namespace OnnxStream.Interop.Diffusion;

/// <summary>The first stage: what the UNET is conditioned on in each step, of all prompts.</summary>
internal sealed class PromptEncoder
{
    private readonly PipelineConfiguration _configuration;
    private readonly Func<PipelineStage, SessionOptions?> _sessionOptions;
    private readonly ClipTokenizer _tokenizer;
    private readonly ClipTokenizer? _tokenizer2;

    public PromptEncoder(PipelineConfiguration configuration, Func<PipelineStage, SessionOptions?> sessionOptions)
    {
        _configuration = configuration;
        _sessionOptions = sessionOptions;
        _tokenizer = new ClipTokenizer(configuration.Tokenizer, configuration.Words);
        _tokenizer2 = configuration.TextEncoder2Path is null ? null : new ClipTokenizer(configuration.Tokenizer2 ?? configuration.Tokenizer, configuration.Words);
    }

    /// <summary>The number of tokens of a prompt, without those that frame and fill chunks.</summary>
    public int CountTokens(string prompt) => PromptChunk.Read(prompt, _tokenizer).Sum(chunk => chunk.TokenCount);

    /// <summary>Reads the prompt, and the negative prompt if it has influence: what has to be encoded.</summary>
    /// <param name="options">What is asked for.</param>
    /// <param name="steps">The number of steps.</param>
    /// <param name="hasNegative">Whether the negative prompt has influence.</param>
    /// <param name="unet">The UNET, which says how much it takes.</param>
    public PromptLayout Read(GenerationOptions options, int steps, bool hasNegative, Unet unet)
    {
        IReadOnlyList<(int LastStep, string Text)> positive = Timeline(options.Prompt), negative = hasNegative ? Timeline(options.NegativePrompt) : [];
        List<string> texts = [.. negative.Concat(positive).Select(item => item.Text).Distinct()];

        // A UNET of a fixed number of ids has room for so many chunks; what is behind them is left out.
        int room = unet.ContextLength is { } length ? Math.Max(length / _tokenizer.ContextLength, 1) : int.MaxValue;
        int dropped = 0;
        PromptChunk[][] first = Divide(_tokenizer);
        PromptChunk[][]? second = _tokenizer2 is null ? null : Divide(_tokenizer2);
        return new PromptLayout(positive, negative, texts, first, second, dropped);

        IReadOnlyList<(int LastStep, string Text)> Timeline(string prompt) => options.IsPlainPrompt ? [(steps, prompt)] : PromptTimeline.Read(prompt, steps);

        PromptChunk[][] Divide(ClipTokenizer tokenizer)
        {
            List<IReadOnlyList<PromptChunk>> chunks = [.. texts.Select(text => PromptChunk.Read(text, tokenizer, options.IsPlainPrompt))];
            dropped = Math.Max(dropped, chunks.Sum(list => list.Skip(room).Sum(chunk => chunk.TokenCount)));

            // All prompts have as many chunks, so that the UNET can take them together.
            int count = Math.Min(chunks.Max(list => list.Count), room);
            PromptChunk empty = PromptChunk.Read("", tokenizer)[0];
            return [.. chunks.Select(list => (PromptChunk[])[.. list.Concat(Enumerable.Repeat(empty, count)).Take(count)])];
        }
    }

    /// <summary>Reads a text encoder and refuses one that does not fit; nothing can be computed yet.</summary>
    /// <param name="isSecond">Whether it is the second one, of SDXL.</param>
    /// <param name="options">What is asked for.</param>
    /// <exception cref="ModelFormatException">It does not belong to the tokenizer, or does not give what is needed.</exception>
    public TextEncoder Open(bool isSecond, GenerationOptions options)
    {
        string path = isSecond ? _configuration.TextEncoder2Path! : _configuration.TextEncoderPath;
        ClipTokenizer tokenizer = Tokenizer(isSecond);
        TextEncoder encoder = new(path, _configuration.Files, _configuration.Adaptation(isSecond ? PipelineComponent.TextEncoder2 : PipelineComponent.TextEncoder, options.Adapters, tokenizer));
        try
        {
            if (encoder.ContextLength is { } length && length != tokenizer.ContextLength)
            {
                throw new ModelFormatException(path, $"the text encoder takes {length} ids, the tokenizer gives {tokenizer.ContextLength}; the two do not belong together.");
            }

            if (isSecond && !encoder.HasPooled)
            {
                throw new ModelFormatException(path, "the second text encoder has no output text_embeds, which SDXL needs.");
            }

            _ = encoder.CheckLayers(LayersSkipped(options), IsNormalized);
            return encoder;
        }
        catch
        {
            encoder.Dispose();
            throw;
        }
    }

    /// <summary>The number of ids of a chunk.</summary>
    public int ChunkLength(bool isSecond) => Tokenizer(isSecond).ContextLength;

    /// <summary>Encodes prompts.</summary>
    /// <param name="layout">The prompts.</param>
    /// <param name="options">What is asked for.</param>
    /// <param name="unet">The UNET, which says how much it takes.</param>
    /// <param name="timeIds">For SDXL, what goes with the text.</param>
    /// <param name="statistics">Receives what the stage took.</param>
    /// <param name="cancellationToken">Cancels between operators.</param>
    public EncodedPrompts Encode(
        PromptLayout layout, GenerationOptions options, Unet unet, TensorBuffer? timeIds, List<StageStatistics> statistics, CancellationToken cancellationToken)
    {
        List<IReadOnlyList<TextEncoding>> first = EncodeAll(isSecond: false, layout.First, options, statistics, cancellationToken);
        List<IReadOnlyList<TextEncoding>>? second = layout.Second is null ? null : EncodeAll(isSecond: true, layout.Second, options, statistics, cancellationToken);
        Dictionary<string, UnetCondition> conditions = [];
        for (int i = 0; i < layout.Texts.Count; i++)
        {
            TensorBuffer states = Join([.. first[i].Select(encoding => encoding.HiddenStates)], 1);
            TensorBuffer? pooled = null;
            if (second is not null)
            {
                states = Join([states, Join([.. second[i].Select(encoding => encoding.HiddenStates)], 1)], 2);
                pooled = second[i][0].Pooled;
            }

            CheckWidth(unet, states.Shape[2]);
            conditions.Add(layout.Texts[i], new UnetCondition(states) { TextEmbedding = pooled, TimeIds = timeIds });
        }

        return new EncodedPrompts(Select(layout.Positive), Select(layout.Negative, _configuration.EmptyPromptIsZero && second is not null && options.NegativePrompt.Length == 0), layout.DroppedTokenCount);

        IReadOnlyList<(int LastStep, UnetCondition Condition)> Select(IReadOnlyList<(int LastStep, string Text)> timeline, bool isZero = false) =>
            [.. timeline.Select(item => (item.LastStep, isZero ? Zero(conditions[item.Text]) : conditions[item.Text]))];
    }

    /// <summary>Refuses a UNET that takes hidden states of another width than text encoders give.</summary>
    /// <exception cref="ModelFormatException">It does.</exception>
    public void CheckWidth(Unet unet, long given)
    {
        if (unet.ContextWidth is { } width && width != given)
        {
            throw new ModelFormatException(
                _configuration.UnetPath, $"the UNET takes hidden states of {width} numbers for each id, the text encoder gives {given}; the two do not belong together.");
        }
    }

    // SDXL takes the last layer but one as it is.
    private bool IsNormalized => _configuration.TextEncoder2Path is null;

    private int LayersSkipped(GenerationOptions options) => options.ClipSkip - (IsNormalized ? 1 : 0);

    private ClipTokenizer Tokenizer(bool isSecond) => isSecond ? _tokenizer2! : _tokenizer;

    private List<IReadOnlyList<TextEncoding>> EncodeAll(
        bool isSecond, PromptChunk[][] all, GenerationOptions options, List<StageStatistics> statistics, CancellationToken cancellationToken)
    {
        using TextEncoder encoder = Open(isSecond, options);
        encoder.Prepare(_sessionOptions(PipelineStage.TextEncoding));
        IReadOnlyList<TextEncoding> encodings = encoder.Encode([.. all.SelectMany(list => list).Select(chunk => chunk.Ids)], LayersSkipped(options), IsNormalized, cancellationToken);
        List<IReadOnlyList<TextEncoding>> result = [];
        int count = all[0].Length;
        for (int i = 0; i < all.Length; i++)
        {
            TextEncoding[] own = [.. encodings.Skip(i * count).Take(count)];
            for (int k = 0; k < count; k++)
            {
                all[i][k].Apply(own[k].HiddenStates);
            }

            result.Add(own);
        }

        statistics.Add(encoder.Statistics);
        return result;
    }

    private static UnetCondition Zero(UnetCondition condition) => condition with
    {
        HiddenStates = new TensorBuffer(ElementType.Float32, condition.HiddenStates.Shape),
        TextEmbedding = condition.TextEmbedding is null ? null : new TensorBuffer(ElementType.Float32, condition.TextEmbedding.Shape),
    };

    // Tensors [1, ids, width] put together along one of the last two dimensions.
    private static TensorBuffer Join(TensorBuffer[] items, int axis)
    {
        if (items.Length == 1)
        {
            return items[0];
        }

        TensorBuffer joined = new(ElementType.Float32, items[0].Shape.With(axis, items.Sum(item => item.Shape[axis])));
        int rows = axis == 1 ? 1 : checked((int)items[0].Shape[1]), offset = 0;
        for (int row = 0; row < rows; row++)
        {
            foreach (TensorBuffer item in items)
            {
                int length = checked((int)item.Shape.ElementCount) / rows;
                item.Span<float>().Slice(row * length, length).CopyTo(joined.Span<float>()[offset..]);
                offset += length;
            }
        }

        return joined;
    }
}
