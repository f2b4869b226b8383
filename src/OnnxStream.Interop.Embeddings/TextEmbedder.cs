using System.IO.Hashing;
using System.Numerics.Tensors;
using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Embeddings;

/// <summary>Turns texts into vectors: texts that mean the same have vectors that point in the same direction.</summary>
/// <remarks>
/// <para>For encoders of BERT's kind with a WordPiece vocabulary, such as all-MiniLM, BGE, GTE, E5 and Arctic; in single or half precision, or in 8 bits.</para>
/// <para>Texts are sorted by their length and computed in batches, so that little is padded. Any number of threads may call; they wait for one another.</para>
/// </remarks>
public sealed class TextEmbedder : IDisposable
{
    // A plan is made for each length of rows; few lengths make few plans.
    private const int LengthStep = 16;

    private readonly TextEmbedderOptions _options;
    private readonly BertTextTokenizer _tokenizer;
    private readonly ModelStage _stage;
    private readonly Lock _running = new();
    private readonly ValueMetadata _ids;
    private readonly ValueMetadata? _mask;
    private readonly ValueMetadata? _types;
    private readonly ValueMetadata _output;
    private int? _dimensions;

    /// <summary>Opens a model.</summary>
    /// <param name="path">A folder with a model (<c>model.onnx</c> or <c>onnx/model.onnx</c>) and its vocabulary (<c>vocab.txt</c> or <c>tokenizer.json</c>), or the model file in one. What Sentence Transformers writes beside them is read.</param>
    /// <param name="options">How texts become vectors; null for what the folder says.</param>
    /// <param name="sessionOptions">How the session computes; null for the defaults.</param>
    /// <exception cref="FileNotFoundException">There is no such model, or no vocabulary.</exception>
    /// <exception cref="OnnxStreamException">The model cannot be used, or is none for embeddings.</exception>
    public TextEmbedder(string path, TextEmbedderOptions? options = null, SessionOptions? sessionOptions = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        _options = options ?? new TextEmbedderOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.BatchTokens, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.MaxTokens ?? 2, 2, nameof(options));
        TextEmbedderFolder folder = new(path);
        _tokenizer = folder.ReadTokenizer();
        MaxTokens = _options.MaxTokens ?? folder.MaxTokens;
        Pooling = _options.Pooling ?? folder.Pooling;
        QueryPrefix = _options.QueryPrefix ?? folder.QueryPrefix;
        _stage = new ModelStage(folder.ModelPath, new PipelineFiles(null));
        _ids = TensorNames.Require(ModelPath, "The input for token ids", _stage.Inputs, ["input_ids"], value => _stage.Inputs.Count == 1 && value.Dimensions is not { Count: not 2 });
        _mask = TensorNames.Find(_stage.Inputs, ["attention_mask"], _ => false);
        _types = TensorNames.Find(_stage.Inputs, ["token_type_ids"], _ => false);
        if (_stage.Inputs.FirstOrDefault(input => input != _ids && input != _mask && input != _types) is { } other)
        {
            throw new ModelFormatException(ModelPath, $"this is no model for embeddings: it also wants the input {other}. Expected input_ids, attention_mask and token_type_ids.");
        }

        _output = TensorNames.Require(
            ModelPath, "The output with the hidden states", _stage.Outputs, ["last_hidden_state", "token_embeddings", "sentence_embedding"], value => _stage.Outputs.Count == 1 || value.Dimensions is { Count: 3 });
        _dimensions = _output.Dimensions is [.., { IsKnown: true } width] ? (int)width.Value : null;
        _stage.Prepare((sessionOptions ?? new SessionOptions()) with { Outputs = [_output.Name] });
    }

    /// <summary>The model's file.</summary>
    public string ModelPath => _stage.Path;

    /// <summary>The most tokens of a text, special ones included; what a longer one has beyond them is left out.</summary>
    public int MaxTokens { get; }

    /// <summary>How hidden states become a vector.</summary>
    public EmbeddingPooling Pooling { get; }

    /// <summary>What stands before a text that searches for others.</summary>
    public string QueryPrefix { get; }

    /// <summary>The length of the vectors. Where the model does not declare it, asking for it the first time runs the model.</summary>
    public int Dimensions => _dimensions ??= Embed("").Length;

    /// <summary>The most native memory, in bytes, that was in use at once.</summary>
    public long PeakNativeBytes => _stage.Totals.PeakNativeBytes;

    /// <summary>What tells this embedder's vectors from others': a hash of the model's files, and the options that change vectors. Reads the files.</summary>
    public string ComputeIdentity()
    {
        XxHash128 hash = new();

        // With the files of weights beside it, which have its name.
        string folder = Path.GetDirectoryName(Path.GetFullPath(ModelPath))!;
        foreach (string file in Directory.GetFiles(folder, $"{Path.GetFileName(ModelPath)}*").Order(StringComparer.Ordinal))
        {
            using FileStream stream = File.OpenRead(file);
            hash.Append(stream);
        }

        return $"{Convert.ToHexString(hash.GetCurrentHash())} {Pooling} {MaxTokens} {_options.Normalize}";
    }

    /// <summary>The vector of a text.</summary>
    /// <param name="text">The text; an empty one has a vector too, of its special tokens.</param>
    /// <param name="cancellationToken">Cancels between operators.</param>
    public float[] Embed(string text, CancellationToken cancellationToken = default) => Embed([text], null, cancellationToken).Vectors[0];

    /// <summary>The vector of a text that searches for others: of the text behind <see cref="QueryPrefix"/>.</summary>
    /// <param name="query">What is searched for.</param>
    /// <param name="cancellationToken">Cancels between operators.</param>
    public float[] EmbedQuery(string query, CancellationToken cancellationToken = default) => Embed(QueryPrefix + query, cancellationToken);

    /// <summary>The vectors of many texts.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="progress">Receives how many have their vectors; null for nobody.</param>
    /// <param name="cancellationToken">Cancels between operators.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="MemoryBudgetException">A batch does not fit into the budget of the session; fewer <see cref="TextEmbedderOptions.BatchTokens"/> may.</exception>
    public EmbeddedTexts Embed(IReadOnlyList<string> texts, IProgress<EmbeddingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        int truncatedCount = 0, tokenCount = 0;
        List<int>[] ids = new List<int>[texts.Count];
        for (int i = 0; i < ids.Length; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ids[i] = _tokenizer.Encode(texts[i] ?? throw new ArgumentException($"The text {i} is null.", nameof(texts)), MaxTokens, out bool isTruncated);
            truncatedCount += isTruncated ? 1 : 0;
            tokenCount += ids[i].Count;
        }

        // The longest first: a budget that is too small is found at once.
        int[] order = [.. Enumerable.Range(0, ids.Length).OrderByDescending(i => ids[i].Count)];
        float[][] vectors = new float[ids.Length][];
        int done = 0;
        while (done < order.Length)
        {
            // Padding is hidden by the mask; without one there must be none.
            int longest = ids[order[done]].Count;
            int length = _mask is null ? longest : Math.Min(MaxTokens, (longest + LengthStep - 1) / LengthStep * LengthStep);
            int most = TensorBatch.Size(_ids, Math.Max(1, _options.BatchTokens / length));
            int[] batch = [.. order.Skip(done).Take(most).TakeWhile(i => _mask is not null || ids[i].Count == longest)];
            Run([.. batch.Select(i => ids[i])], FixedLength() ?? length, FixedBatch() ?? batch.Length, (row, vector) => vectors[batch[row]] = vector, cancellationToken);
            done += batch.Length;
            progress?.Report(new EmbeddingProgress(done, order.Length));
        }

        return new EmbeddedTexts(vectors, tokenCount, truncatedCount);

        int? FixedBatch() => _ids.Dimensions is [{ IsKnown: true } rows, ..] ? (int)rows.Value : null;

        int? FixedLength() => _ids.Dimensions is [_, { IsKnown: true } columns] ? (int)columns.Value : null;
    }

    /// <summary>Closes the model.</summary>
    public void Dispose() => _stage.Dispose();

    private void Run(IReadOnlyList<List<int>> rows, int length, int batch, Action<int, float[]> receive, CancellationToken cancellationToken)
    {
        if (rows[0].Count > length)
        {
            throw new ModelFormatException(ModelPath, $"the model takes rows of {length} tokens, and {nameof(TextEmbedderOptions.MaxTokens)} is {MaxTokens}: give {length}.");
        }

        long[] ids = new long[batch * length], mask = new long[batch * length], types = new long[batch * length];
        Array.Fill(ids, _tokenizer.PaddingId);
        for (int row = 0; row < rows.Count; row++)
        {
            for (int i = 0; i < rows[row].Count; i++)
            {
                ids[(row * length) + i] = rows[row][i];
                mask[(row * length) + i] = 1;
            }
        }

        Shape shape = new(batch, length);
        Dictionary<string, TensorBuffer> inputs = new() { [_ids.Name] = TensorConversion.ToDeclaredType(ids, shape, _ids, ModelPath) };
        if (_mask is not null)
        {
            inputs.Add(_mask.Name, TensorConversion.ToDeclaredType(mask, shape, _mask, ModelPath));
        }

        if (_types is not null)
        {
            inputs.Add(_types.Name, TensorConversion.ToDeclaredType(types, shape, _types, ModelPath));
        }

        TensorBuffer states;
        lock (_running)
        {
            states = TensorConversion.ToSingle(_stage.Run(inputs, cancellationToken)[_output.Name], ModelPath);
        }

        bool isPooled = states.Shape is { Rank: 2 } pooled && pooled[0] == batch;
        if (!isPooled && (states.Shape is not { Rank: 3 } || states.Shape[0] != batch || states.Shape[1] != length))
        {
            throw new ModelFormatException(ModelPath, $"the output {_output.Name} is {states.Type}; expected [{batch},{length},width] or [{batch},width].");
        }

        int width = (int)states.Shape[^1];
        for (int row = 0; row < rows.Count; row++)
        {
            ReadOnlySpan<float> all = states.Span<float>();
            float[] vector = isPooled ? all.Slice(row * width, width).ToArray() : Pool(all.Slice(row * length * width, rows[row].Count * width), width);
            if (_options.Normalize)
            {
                float norm = TensorPrimitives.Norm<float>(vector);
                TensorPrimitives.Divide(vector, norm > 0 ? norm : 1, vector);
            }

            receive(row, vector);
        }
    }

    private float[] Pool(ReadOnlySpan<float> states, int width)
    {
        float[] vector = states[..width].ToArray();
        if (Pooling == EmbeddingPooling.Mean)
        {
            int count = states.Length / width;
            for (int i = 1; i < count; i++)
            {
                TensorPrimitives.Add(vector, states.Slice(i * width, width), vector);
            }

            TensorPrimitives.Divide(vector, count, vector);
        }

        return vector;
    }
}
