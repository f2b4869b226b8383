using System.Numerics.Tensors;

namespace OnnxStream.Interop.Embeddings;

/// <summary>Passages with their vectors, which are searched by meaning. Each is compared; there is no approximation.</summary>
public sealed class TextIndex
{
    private readonly List<TextPassage> _passages = [];
    private readonly List<float[]> _vectors = [];

    /// <summary>The passages.</summary>
    public IReadOnlyList<TextPassage> Passages => _passages;

    /// <summary>Adds a passage.</summary>
    /// <param name="passage">The passage.</param>
    /// <param name="vector">Its vector, as long as those that are there.</param>
    /// <exception cref="ArgumentException">The vector has another length.</exception>
    public void Add(TextPassage passage, float[] vector)
    {
        ArgumentNullException.ThrowIfNull(passage);
        ArgumentNullException.ThrowIfNull(vector);
        if (_vectors.Count > 0 && vector.Length != _vectors[0].Length)
        {
            throw new ArgumentException($"The vector has {vector.Length} dimensions; those in the index have {_vectors[0].Length}. Were they made by one model?", nameof(vector));
        }

        _passages.Add(passage);
        _vectors.Add(vector);
    }

    /// <summary>Embeds passages and adds them.</summary>
    /// <param name="embedder">Makes the vectors.</param>
    /// <param name="passages">The passages.</param>
    /// <param name="progress">Receives how many are done; null for nobody.</param>
    /// <param name="cancellationToken">Cancels; then none of them is added.</param>
    /// <returns>What embedding them cost.</returns>
    public EmbeddedTexts Add(TextEmbedder embedder, IReadOnlyList<TextPassage> passages, IProgress<EmbeddingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(embedder);
        ArgumentNullException.ThrowIfNull(passages);
        EmbeddedTexts embedded = embedder.Embed([.. passages.Select(passage => passage.Text)], progress, cancellationToken);
        for (int i = 0; i < passages.Count; i++)
        {
            Add(passages[i], embedded.Vectors[i]);
        }

        return embedded;
    }

    /// <summary>The passages that are most alike to a vector, the most alike first.</summary>
    /// <param name="query">The vector of what is searched for (<see cref="TextEmbedder.EmbedQuery"/>).</param>
    /// <param name="count">The most passages that are returned.</param>
    /// <exception cref="ArgumentException">The vector has another length than those in the index.</exception>
    public IReadOnlyList<TextMatch> Search(ReadOnlySpan<float> query, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        PriorityQueue<int, float> best = new();
        for (int i = 0; i < _vectors.Count; i++)
        {
            if (query.Length != _vectors[i].Length)
            {
                throw new ArgumentException($"The vector has {query.Length} dimensions; those in the index have {_vectors[i].Length}. Were they made by one model?", nameof(query));
            }

            best.Enqueue(i, TensorPrimitives.CosineSimilarity(query, _vectors[i]));
            if (best.Count > count)
            {
                _ = best.Dequeue();
            }
        }

        TextMatch[] matches = new TextMatch[best.Count];
        for (int i = matches.Length - 1; best.TryDequeue(out int index, out float score); i--)
        {
            matches[i] = new TextMatch(_passages[index], score);
        }

        return matches;
    }
}
