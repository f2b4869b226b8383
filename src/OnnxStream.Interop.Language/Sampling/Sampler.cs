using System.Numerics.Tensors;
using OnnxStream.Interop.Language.Grammars;

namespace OnnxStream.Interop.Language.Sampling;

/// <summary>Chooses the next token by its scores.</summary>
/// <remarks>
/// Scores are changed in the order of Hugging Face's transformers: bias, penalties, temperature, top-k, top-p, min-p, typical. Filters keep one token at
/// least. Of equal scores the smaller id comes first.
/// </remarks>
internal sealed class Sampler
{
    private static readonly Comparer<Candidate> s_order = Comparer<Candidate>.Create(Compare);

    private readonly GenerationOptions _options;
    private readonly TokenConstraint? _constraint;
    private readonly RandomNumbers _random;
    private readonly HashSet<int> _seen = [];
    private readonly Dictionary<int, int> _counts = [];
    private Candidate[] _candidates = [];
    private float[] _scores = [];

    /// <summary>Starts before the first token of an answer.</summary>
    /// <param name="options">How to choose.</param>
    /// <param name="prompt">The tokens of the prompt: the penalty for repetition counts them.</param>
    /// <param name="constraint">Knows which tokens may follow; null where all may.</param>
    public Sampler(GenerationOptions options, IEnumerable<int> prompt, TokenConstraint? constraint = null)
    {
        _options = options;
        _constraint = constraint;
        _random = new RandomNumbers((ulong)(options.Seed ?? Random.Shared.NextInt64()));
        if (options.RepetitionPenalty != 1)
        {
            _seen.UnionWith(prompt);
        }
    }

    /// <summary>Chooses a token.</summary>
    /// <param name="logits">The score of each token.</param>
    public int Choose(ReadOnlySpan<float> logits)
    {
        ReadOnlySpan<float> scores = Adjust(logits);
        if (_options.Temperature == 0)
        {
            // What is likeliest of all need not be looked for among those that may follow.
            int likeliest = TensorPrimitives.IndexOfMax(scores);
            return _constraint?.Allows(likeliest) != false ? likeliest : TensorPrimitives.IndexOfMax(Constrain(scores));
        }

        ReadOnlySpan<Candidate> candidates = FindCandidates(Constrain(scores));
        double left = _random.Next();
        foreach (Candidate candidate in candidates)
        {
            left -= candidate.Probability;
            if (left < 0)
            {
                return candidate.Id;
            }
        }

        return candidates[^1].Id;
    }

    /// <summary>Counts a token of the answer.</summary>
    public void Accept(int token)
    {
        _constraint?.Accept(token);
        if (_options.RepetitionPenalty != 1)
        {
            _seen.Add(token);
        }

        if (_options.FrequencyPenalty != 0 || _options.PresencePenalty != 0)
        {
            _counts[token] = _counts.GetValueOrDefault(token) + 1;
        }
    }

    /// <summary>The tokens that may be drawn, the likeliest first.</summary>
    /// <param name="logits">The score of each token.</param>
    public ReadOnlySpan<Candidate> FindCandidates(ReadOnlySpan<float> logits)
    {
        if (_candidates.Length != logits.Length)
        {
            _candidates = new Candidate[logits.Length];
        }

        float temperature = _options.Temperature == 0 ? 1 : _options.Temperature;
        int count = 0;
        for (int i = 0; i < logits.Length; i++)
        {
            if (!float.IsNegativeInfinity(logits[i]) && !float.IsNaN(logits[i]))
            {
                _candidates[count++] = new Candidate(i, logits[i] / temperature, 0);
            }
        }

        if (count == 0)
        {
            throw new InvalidOperationException("No token may follow: each is forbidden by its bias, or the model's scores are not numbers.");
        }

        Span<Candidate> candidates = Sort(_candidates.AsSpan(0, count), _options.TopK);
        Normalize(candidates);
        if (_options.TopP < 1)
        {
            candidates = candidates[..CountUpTo(candidates, _options.TopP)];
            Normalize(candidates);
        }

        if (_options.MinP > 0)
        {
            double least = candidates[0].Probability * _options.MinP;
            int kept = 1;
            while (kept < candidates.Length && candidates[kept].Probability >= least)
            {
                kept++;
            }

            candidates = candidates[..kept];
            Normalize(candidates);
        }

        return _options.TypicalP < 1 ? KeepTypical(candidates) : candidates;
    }

    /// <summary>The scores with bias and penalties.</summary>
    /// <param name="logits">The score of each token.</param>
    public ReadOnlySpan<float> Adjust(ReadOnlySpan<float> logits)
    {
        if (_options.LogitBias.Count == 0 && _seen.Count == 0 && _counts.Count == 0)
        {
            return logits;
        }

        Copy(logits);
        foreach ((int id, float bias) in _options.LogitBias)
        {
            if ((uint)id >= (uint)_scores.Length)
            {
                throw new ArgumentException($"There is a bias for token {id}; the model knows tokens from 0 to {_scores.Length - 1}.");
            }

            _scores[id] += bias;
        }

        foreach (int id in _seen)
        {
            if (id < _scores.Length)
            {
                _scores[id] = _scores[id] < 0 ? _scores[id] * _options.RepetitionPenalty : _scores[id] / _options.RepetitionPenalty;
            }
        }

        foreach ((int id, int count) in _counts)
        {
            _scores[id] -= count * _options.FrequencyPenalty + _options.PresencePenalty;
        }

        return _scores;
    }

    private ReadOnlySpan<float> Constrain(ReadOnlySpan<float> scores)
    {
        if (_constraint is null)
        {
            return scores;
        }

        // The model's own scores are asked for their probabilities later.
        if (!scores.Overlaps(_scores))
        {
            Copy(scores);
        }

        _constraint.Forbid(_scores);
        return _scores;
    }

    private void Copy(ReadOnlySpan<float> scores)
    {
        _scores = _scores.Length == scores.Length ? _scores : new float[scores.Length];
        scores.CopyTo(_scores);
    }

    // The first ones are enough where only some may be drawn.
    private static Span<Candidate> Sort(Span<Candidate> candidates, int topK)
    {
        if (topK > 0 && topK < candidates.Length)
        {
            Span<Candidate> chosen = candidates[..topK];
            chosen.Sort(Compare);
            for (int i = topK; i < candidates.Length; i++)
            {
                Candidate candidate = candidates[i];
                if (Compare(candidate, chosen[^1]) < 0)
                {
                    int place = chosen.BinarySearch(candidate, s_order);
                    place = place < 0 ? ~place : place;
                    chosen[place..^1].CopyTo(chosen[(place + 1)..]);
                    chosen[place] = candidate;
                }
            }

            return chosen;
        }

        candidates.Sort(Compare);
        return candidates;
    }

    private static int Compare(Candidate left, Candidate right) =>
        left.Score != right.Score ? right.Score.CompareTo(left.Score) : left.Id.CompareTo(right.Id);

    private static void Normalize(Span<Candidate> candidates)
    {
        float largest = candidates[0].Score;
        foreach (Candidate candidate in candidates)
        {
            largest = Math.Max(largest, candidate.Score);
        }

        double sum = 0;
        foreach (Candidate candidate in candidates)
        {
            sum += Math.Exp((double)candidate.Score - largest);
        }

        for (int i = 0; i < candidates.Length; i++)
        {
            candidates[i] = candidates[i] with { Probability = Math.Exp((double)candidates[i].Score - largest) / sum };
        }
    }

    // The one that reaches the sum is kept.
    private static int CountUpTo(ReadOnlySpan<Candidate> candidates, double sum)
    {
        double total = 0;
        for (int i = 0; i < candidates.Length; i++)
        {
            total += candidates[i].Probability;
            if (total >= sum)
            {
                return i + 1;
            }
        }

        return candidates.Length;
    }

    // Those whose surprise differs least from the expected one, until they have the probability that was asked for.
    private Span<Candidate> KeepTypical(Span<Candidate> candidates)
    {
        double entropy = 0;
        foreach (Candidate candidate in candidates)
        {
            entropy -= candidate.Probability > 0 ? candidate.Probability * Math.Log(candidate.Probability) : 0;
        }

        candidates.Sort((left, right) =>
        {
            int order = Math.Abs(-Math.Log(left.Probability) - entropy).CompareTo(Math.Abs(-Math.Log(right.Probability) - entropy));
            return order != 0 ? order : Compare(left, right);
        });
        candidates = candidates[..CountUpTo(candidates, _options.TypicalP)];
        candidates.Sort(Compare);
        Normalize(candidates);
        return candidates;
    }
}
