using OnnxStream.Interop.Embeddings;
using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Server.Models;

/// <summary>A model that makes vectors of texts. Its network stays open between jobs.</summary>
internal sealed class EmbeddingModel : ServedModel
{
    private static readonly TextEmbedderOptions s_embedding = new();

    private readonly ModelShelfOptions _options;
    private readonly PlannedBytes _bytes;
    private readonly Lock _lock = new();
    private TextEmbedder? _embedder;

    public EmbeddingModel(string name, string folder, ModelShelfOptions options)
        : base(name, folder)
    {
        _options = options;
        using TextEmbedder embedder = new(folder, s_embedding, options.Session with { PlanOnly = true });
        int maxTokens = embedder.MaxTokens;
        Facts = new ModelFacts { ContextLength = maxTokens };
        int rows = Math.Max(1, s_embedding.BatchTokens / maxTokens);
        _bytes = PlannedBytes.Of(embedder.ModelPath, options.Session, (_, index) => index == 0 ? rows : maxTokens);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<JobKind> Kinds { get; } = [JobKind.Embedding];

    /// <inheritdoc/>
    public override long OpenBytes => _bytes.Within(_options.Budget);

    /// <inheritdoc/>
    public override ModelFacts Facts { get; }

    /// <inheritdoc/>
    public override long Plan(JobRequest request)
    {
        EmbeddingParameters parameters = request.Embedding ?? throw Wrong("embedding", "The job has no parameters for embeddings.");
        return parameters.Texts.Count > 0 ? 0 : throw Wrong("input", "There are no texts.");
    }

    /// <inheritdoc/>
    public override JobResult Run(JobWork work, CancellationToken cancellationToken)
    {
        TextEmbedder embedder;
        lock (_lock)
        {
            embedder = _embedder ??= new TextEmbedder(Folder, s_embedding, _options.Budget is null ? _options.Session : _options.Session with { MemoryBudget = OpenBytes });
        }

        EmbeddedTexts texts = embedder.Embed(work.Request.Embedding!.Texts, new Steps(work.Report), cancellationToken);
        return new JobResult([new JobPart(VectorFile.Write(texts.Vectors), "application/json")])
        {
            Vectors = texts.Vectors,
            Usage = new JobUsage(texts.TokenCount, 0, 0),
        };
    }

    /// <inheritdoc/>
    public override void Close()
    {
        lock (_lock)
        {
            _embedder?.Dispose();
            _embedder = null;
        }
    }

    private sealed class Steps(Action<JobEvent> report) : IProgress<EmbeddingProgress>
    {
        public void Report(EmbeddingProgress value) => report(new JobEvent(JobEventType.Progress) { Stage = "embedding", Step = value.Done, Steps = value.Count });
    }
}
