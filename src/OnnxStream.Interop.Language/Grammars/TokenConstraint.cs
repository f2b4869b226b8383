using System.Numerics;
using System.Numerics.Tensors;

namespace OnnxStream.Interop.Language.Grammars;

/// <summary>Holds one answer to a grammar: it knows the state behind the tokens so far, and which ones may follow.</summary>
internal sealed class TokenConstraint
{
    // 1 KiB each, and a mask for those that a token was chosen in.
    private const int MostStates = 20_000;
    private const int MostMasks = 256;

    private readonly TokenTrie _trie;
    private readonly GrammarMachine _machine;
    private readonly int[] _endTokens;
    private readonly int _vocabularySize;
    private readonly Dictionary<int, ulong[]> _masks = [];
    private int _state;
    private bool _isFirst = true;

    /// <summary>Starts before the first token.</summary>
    /// <param name="grammar">The grammar.</param>
    /// <param name="trie">The vocabulary.</param>
    /// <param name="vocabularySize">How many scores the model has.</param>
    /// <param name="endTokens">The tokens that may follow where the text is whole.</param>
    public TokenConstraint(Grammar grammar, TokenTrie trie, int vocabularySize, IEnumerable<int> endTokens)
    {
        _trie = trie;
        _machine = new GrammarMachine(grammar.Automaton);
        _vocabularySize = vocabularySize;
        _endTokens = [.. endTokens];
        _state = _machine.Start;
    }

    /// <summary>Whether the text is whole and nothing may follow.</summary>
    public bool IsFinished => _machine.IsComplete(_state) && !_machine.CanGoOn(_state);

    /// <summary>Whether a token may follow.</summary>
    public bool Allows(int token) =>
        token < _vocabularySize &&
        (Array.IndexOf(_endTokens, token) >= 0 ? _machine.IsComplete(_state) : _trie.Follow(_machine, _state, token, _isFirst) != GrammarMachine.Dead);

    /// <summary>Forbids the tokens that may not follow.</summary>
    /// <param name="scores">The score of each token; those that are forbidden become negative infinity.</param>
    /// <exception cref="InvalidOperationException">None may follow.</exception>
    public void Forbid(Span<float> scores)
    {
        ulong[] mask = Mask();
        bool isAny = false;
        for (int start = 0; start < scores.Length; start += 64)
        {
            ulong bits = mask[start >> 6];
            Span<float> part = scores[start..Math.Min(start + 64, scores.Length)];
            if (bits == 0)
            {
                part.Fill(float.NegativeInfinity);
                continue;
            }

            isAny = true;
            for (ulong others = ~bits; others != 0; others &= others - 1)
            {
                int i = BitOperations.TrailingZeroCount(others);
                if (i < part.Length)
                {
                    part[i] = float.NegativeInfinity;
                }
            }
        }

        if (!isAny || float.IsNegativeInfinity(TensorPrimitives.Max(scores)))
        {
            throw new InvalidOperationException(isAny
                ? "No token may follow: those that the grammar allows are forbidden by their bias."
                : "No token may follow: the grammar wants text that the model's vocabulary has no token for.");
        }
    }

    /// <summary>Takes a token that was chosen.</summary>
    /// <param name="token">A token that may follow.</param>
    public void Accept(int token)
    {
        int next = Array.IndexOf(_endTokens, token) >= 0 ? GrammarMachine.Dead : _trie.Follow(_machine, _state, token, _isFirst);
        if (next == GrammarMachine.Dead)
        {
            // An end token: nothing is asked behind it.
            return;
        }

        _isFirst = false;
        _state = next;
        if (_machine.Count > MostStates)
        {
            _state = _machine.Forget(_state);
            _masks.Clear();
        }
    }

    private ulong[] Mask()
    {
        if (!_isFirst && _masks.TryGetValue(_state, out ulong[]? known))
        {
            return known;
        }

        ulong[] mask = new ulong[(Math.Max(_vocabularySize, _trie.TokenCount) + 63) >> 6];
        _trie.Mark(_machine, _state, _isFirst, mask);
        for (int token = _vocabularySize; token < mask.Length << 6; token++)
        {
            mask[token >> 6] &= ~(1UL << token);
        }

        // An end token ends the answer, whatever its text is.
        bool isComplete = _machine.IsComplete(_state);
        foreach (int token in _endTokens.Where(token => token < _vocabularySize))
        {
            ulong bit = 1UL << token;
            mask[token >> 6] = isComplete ? mask[token >> 6] | bit : mask[token >> 6] & ~bit;
        }

        if (_isFirst)
        {
            // Behind others, a token may have another text.
            return mask;
        }

        if (_masks.Count == MostMasks)
        {
            _masks.Clear();
        }

        return _masks[_state] = mask;
    }
}
