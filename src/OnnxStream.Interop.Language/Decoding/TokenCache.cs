using System.Numerics.Tensors;

namespace OnnxStream.Interop.Language.Decoding;

/// <summary>The tokens of one text whose keys and values are kept, and what computes further ones.</summary>
internal sealed class TokenCache(Decoder decoder) : IDisposable
{
    private readonly List<int> _tokens = [];
    private readonly InputTensors _inputs = new();
    private float[] _converted = [];

    /// <summary>Their keys and values.</summary>
    public SessionState State { get; } = decoder.Session.CreateState();

    /// <summary>The type in which they are kept.</summary>
    public ElementType ElementType => decoder.CacheElementType;

    /// <summary>The tokens.</summary>
    public IReadOnlyList<int> Tokens => _tokens;

    /// <summary>How many plans the runs have needed.</summary>
    public int PlansMade { get; private set; }

    /// <summary>How many plans the last call of <see cref="Append"/> needed.</summary>
    public int LastPlansMade { get; private set; }

    /// <summary>The most native memory that the session held.</summary>
    public long PeakNativeBytes { get; private set; }

    /// <summary>The bytes of weights that the runs asked for.</summary>
    public long WeightsBytesStreamed { get; private set; }

    /// <summary>The time that the runs took.</summary>
    public TimeSpan RunDuration { get; private set; }

    /// <summary>Lets go of what another text does not begin with.</summary>
    /// <param name="text">The other text.</param>
    /// <returns>How many tokens stay.</returns>
    public int KeepCommon(IReadOnlyList<int> text)
    {
        int common = 0;
        while (common < _tokens.Count && common < text.Count && _tokens[common] == text[common])
        {
            common++;
        }

        Truncate(common);
        return common;
    }

    /// <summary>Lets go of all but the first tokens.</summary>
    public void Truncate(int count)
    {
        if (count < _tokens.Count)
        {
            State.Truncate(count);
            _tokens.RemoveRange(count, _tokens.Count - count);
        }
    }

    /// <summary>Adds tokens to the text.</summary>
    /// <param name="tokens">The tokens.</param>
    /// <param name="logits">Receives the scores of what comes behind each of the last tokens, a row for each: as many as rows fit.</param>
    /// <param name="progress">Receives how many have been computed; null for nobody.</param>
    /// <param name="cancellationToken">Stops between two steps; the text then ends where it has been computed to.</param>
    public void Append(ReadOnlySpan<int> tokens, Span<float> logits, IProgress<int>? progress, CancellationToken cancellationToken)
    {
        int vocabulary = decoder.Description.VocabularySize;
        int wanted = logits.Length / vocabulary;
        int before = PlansMade;
        for (int done = 0; done < tokens.Length;)
        {
            (int length, int used) = decoder.RunLength(_tokens.Count, tokens.Length - done);
            ReadOnlySpan<int> piece = tokens.Slice(done, used);
            RunResult result = decoder.Run(_inputs, State, _tokens.Count, piece, length, wanted, cancellationToken);
            int first = decoder.FirstRow(used, length, wanted);
            if (length > used)
            {
                State.Truncate(_tokens.Count + used);
            }

            foreach (int token in piece)
            {
                _tokens.Add(token);
            }

            PlansMade += result.Statistics.PlansMade;
            RunDuration += result.Statistics.Duration;
            WeightsBytesStreamed += result.Statistics.WeightsBytesStreamed;
            PeakNativeBytes = Math.Max(PeakNativeBytes, result.Statistics.PeakNativeBytes);
            for (int row = Math.Max(0, tokens.Length - wanted - done); row < used; row++)
            {
                CopyRow(result[decoder.Description.Logits], row - first, logits.Slice((done + row - tokens.Length + wanted) * vocabulary, vocabulary));
            }

            done += used;
            progress?.Report(done);
        }

        LastPlansMade = PlansMade - before;
    }

    /// <summary>Takes over tokens whose keys and values have been written to the state.</summary>
    public void Restore(IEnumerable<int> tokens)
    {
        _tokens.Clear();
        _tokens.AddRange(tokens);
    }

    /// <inheritdoc/>
    public void Dispose() => State.Dispose();

    private void CopyRow(TensorBuffer tensor, int row, Span<float> destination)
    {
        int width = checked((int)tensor.Shape[^1]);
        if (width < destination.Length)
        {
            throw new ModelFormatException(decoder.Description.ConfigurationPath, $"\"vocab_size\" is {destination.Length:N0}, but the model gives scores to {width:N0} tokens.");
        }

        switch (tensor.ElementType)
        {
            case ElementType.Float32:
                tensor.Span<float>().Slice(row * width, destination.Length).CopyTo(destination);
                break;
            case ElementType.Float16:
                TensorPrimitives.ConvertToSingle(tensor.Span<Half>().Slice(row * width, destination.Length), destination);
                break;
            case ElementType.Float64:
                _converted = _converted.Length == destination.Length ? _converted : new float[destination.Length];
                TensorPrimitives.ConvertTruncating<double, float>(tensor.Span<double>().Slice(row * width, destination.Length), _converted);
                _converted.CopyTo(destination);
                break;
            default:
                throw new ModelFormatException(decoder.Description.ModelPath, $"the scores are {tensor.Type}; expected floating-point numbers.");
        }
    }
}
