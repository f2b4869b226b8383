using System.Numerics.Tensors;
using System.Text;

namespace OnnxStream.Interop.Embeddings;

/// <summary>Passages with their vectors, which are searched by meaning. Each is compared; there is no approximation.</summary>
public sealed class TextIndex
{
    // The first bytes of a file; the number is that of the format.
    private static ReadOnlySpan<byte> Signature => "onnxstream text index 1\n"u8;

    private const int MostDimensions = 1 << 16;

    private readonly List<TextPassage> _passages = [];
    private readonly List<float[]> _vectors = [];

    /// <summary>Makes an index without passages.</summary>
    /// <param name="identity">What made the vectors (<see cref="TextEmbedder.ComputeIdentity"/>), for an index that is to be kept in a file.</param>
    public TextIndex(string identity = "")
    {
        ArgumentNullException.ThrowIfNull(identity);
        Identity = identity;
    }

    /// <summary>What made the vectors: those of two models cannot be compared.</summary>
    public string Identity { get; }

    /// <summary>The passages.</summary>
    public IReadOnlyList<TextPassage> Passages => _passages;

    /// <summary>Reads an index that was saved.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelFormatException">It is no index, or damaged.</exception>
    public static TextIndex Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        try
        {
            using BinaryReader reader = new(File.OpenRead(path), Encoding.UTF8);
            Span<byte> signature = stackalloc byte[Signature.Length];
            if (reader.Read(signature) != signature.Length || !signature.SequenceEqual(Signature))
            {
                throw new ModelFormatException(path, "this is no index of texts.");
            }

            TextIndex index = new(reader.ReadString());
            int dimensions = reader.ReadInt32(), count = reader.ReadInt32();
            long least = (long)count * dimensions * sizeof(float);
            if (count < 0 || dimensions is < 0 or > MostDimensions || least > reader.BaseStream.Length - reader.BaseStream.Position)
            {
                throw new ModelFormatException(path, $"the index is damaged: it says that it has {count:N0} vectors of {dimensions:N0} numbers, which do not fit into {reader.BaseStream.Length:N0} bytes.");
            }

            for (int i = 0; i < count; i++)
            {
                TextPassage passage = new(reader.ReadString(), reader.ReadInt32(), reader.ReadString());
                float[] vector = new float[dimensions];
                for (int j = 0; j < dimensions; j++)
                {
                    vector[j] = reader.ReadSingle();
                }

                index.Add(passage, vector);
            }

            return index;
        }
        catch (Exception exception) when (exception is EndOfStreamException or FormatException or ArgumentException or DecoderFallbackException)
        {
            throw new ModelFormatException(path, $"the index is damaged, or ends too early: {exception.Message}", exception);
        }
    }

    /// <summary>Writes the index. The file appears only when it is complete.</summary>
    /// <param name="path">The file to write.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Save(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        using UnfinishedPath temporary = new($"{path}.{Guid.NewGuid():N}.tmp");
        using (BinaryWriter writer = new(File.Create(temporary.Path), Encoding.UTF8))
        {
            writer.Write(Signature);
            writer.Write(Identity);
            writer.Write(_vectors.Count > 0 ? _vectors[0].Length : 0);
            writer.Write(_vectors.Count);
            for (int i = 0; i < _vectors.Count; i++)
            {
                writer.Write(_passages[i].Source);
                writer.Write(_passages[i].Line);
                writer.Write(_passages[i].Text);
                foreach (float number in _vectors[i])
                {
                    writer.Write(number);
                }
            }
        }

        File.Move(temporary.Path, path, overwrite: true);
    }

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
    /// <param name="known">An index of the same <see cref="Identity"/> that may have some of the texts already, which are not embedded again; null for none.</param>
    /// <param name="progress">Receives how many are done; null for nobody.</param>
    /// <param name="cancellationToken">Cancels; then none of them is added.</param>
    /// <returns>What embedding the others cost.</returns>
    /// <exception cref="ArgumentException">What is known was made by another model.</exception>
    public EmbeddedTexts Add(
        TextEmbedder embedder, IReadOnlyList<TextPassage> passages, TextIndex? known = null, IProgress<EmbeddingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(embedder);
        ArgumentNullException.ThrowIfNull(passages);
        if (known is not null && known.Identity != Identity)
        {
            throw new ArgumentException("The vectors that are known were made by another model, or with other options.", nameof(known));
        }

        Dictionary<string, float[]> vectors = [];
        for (int i = 0; i < known?._passages.Count; i++)
        {
            vectors[known._passages[i].Text] = known._vectors[i];
        }

        string[] texts = [.. passages.Select(passage => passage.Text).Where(text => !vectors.ContainsKey(text)).Distinct()];
        EmbeddedTexts embedded = embedder.Embed(texts, progress, cancellationToken);
        for (int i = 0; i < texts.Length; i++)
        {
            vectors.Add(texts[i], embedded.Vectors[i]);
        }

        foreach (TextPassage passage in passages)
        {
            Add(passage, vectors[passage.Text]);
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
