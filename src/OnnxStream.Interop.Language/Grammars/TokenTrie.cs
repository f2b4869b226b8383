using OnnxStream.Interop.Language.Tokenizers;

namespace OnnxStream.Interop.Language.Grammars;

/// <summary>The bytes of a vocabulary's tokens as a tree, so that what tokens begin with is looked at once for all of them.</summary>
/// <remarks>Nodes lie in the order of a walk that visits what is below a node right behind it. Special tokens are no text and are not in it.</remarks>
internal sealed class TokenTrie
{
    private readonly byte[] _bytes;
    private readonly ushort[] _depths;
    private readonly int[] _ends;
    private readonly int[] _tokens;
    private readonly int[] _twins;
    private readonly byte[]?[] _texts;
    private readonly HashSet<int> _notFirst = [];
    private readonly int _deepest;

    /// <summary>Reads the vocabulary.</summary>
    public TokenTrie(Tokenizer tokenizer)
    {
        TokenTexts texts = new(tokenizer);
        DropsFirstSpace = texts.DropsFirstSpace;
        _texts = new byte[]?[tokenizer.VocabularySize];
        _twins = new int[tokenizer.VocabularySize];
        for (int id = 0; id < _texts.Length; id++)
        {
            _texts[id] = texts.Find(id, out bool mayBeFirst) is { Length: > 0 and < ushort.MaxValue } text ? text : null;
            if (!mayBeFirst)
            {
                _notFirst.Add(id);
            }
        }

        int[] order = [.. Enumerable.Range(0, _texts.Length).Where(id => _texts[id] is not null)];
        Array.Sort(order, (left, right) => _texts[left].AsSpan().SequenceCompareTo(_texts[right]) is not 0 and var sign ? sign : left.CompareTo(right));
        List<byte> bytes = [];
        List<ushort> depths = [];
        List<int> ends = [];
        List<int> tokens = [];
        List<int> open = [];
        byte[] before = [];
        foreach (int id in order)
        {
            byte[] text = _texts[id]!;
            int common = before.AsSpan().CommonPrefixLength(text);
            if (common == text.Length)
            {
                // Sorted, the one before it has the same bytes.
                _twins[id] = tokens[^1] + 1;
                tokens[^1] = id;
                continue;
            }

            Close(common);
            for (int i = common; i < text.Length; i++)
            {
                open.Add(bytes.Count);
                bytes.Add(text[i]);
                depths.Add((ushort)i);
                ends.Add(0);
                tokens.Add(-1);
            }

            tokens[^1] = id;
            before = text;
            _deepest = Math.Max(_deepest, text.Length);
        }

        Close(0);
        _bytes = [.. bytes];
        _depths = [.. depths];
        _ends = [.. ends];
        _tokens = [.. tokens];

        void Close(int depth)
        {
            while (open.Count > depth)
            {
                ends[open[^1]] = bytes.Count;
                open.RemoveAt(open.Count - 1);
            }
        }
    }

    /// <summary>Whether a space that an answer's first token begins with is no part of the text.</summary>
    public bool DropsFirstSpace { get; }

    /// <summary>The number of ids: the largest and one.</summary>
    public int TokenCount => _texts.Length;

    /// <summary>The state after a token; <see cref="GrammarMachine.Dead"/> where it may not follow.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="state">The state before it.</param>
    /// <param name="token">The token.</param>
    /// <param name="isFirst">Whether it is the first one of the answer.</param>
    public int Follow(GrammarMachine machine, int state, int token, bool isFirst)
    {
        if ((uint)token >= (uint)_texts.Length || _texts[token] is not { } text || (isFirst && _notFirst.Contains(token)))
        {
            return GrammarMachine.Dead;
        }

        for (int i = isFirst && DropsFirstSpace && text[0] == ' ' ? 1 : 0; i < text.Length && state != GrammarMachine.Dead; i++)
        {
            state = machine.Next(state, text[i]);
        }

        return state;
    }

    /// <summary>Marks the tokens that may follow.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="state">The state before them.</param>
    /// <param name="isFirst">Whether the token is the first one of the answer.</param>
    /// <param name="allowed">A bit for each token, all 0.</param>
    public void Mark(GrammarMachine machine, int state, bool isFirst, Span<ulong> allowed)
    {
        Span<int> states = _deepest < 256 ? stackalloc int[_deepest + 1] : new int[_deepest + 1];
        states[0] = state;
        bool dropsSpace = isFirst && DropsFirstSpace;
        for (int node = 0; node < _bytes.Length;)
        {
            int depth = _depths[node];
            int next = dropsSpace && depth == 0 && _bytes[node] == ' ' ? state : machine.Next(states[depth], _bytes[node]);
            if (next == GrammarMachine.Dead)
            {
                node = _ends[node];
                continue;
            }

            states[depth + 1] = next;
            for (int token = _tokens[node]; token >= 0; token = _twins[token] - 1)
            {
                if (!(isFirst && _notFirst.Contains(token)))
                {
                    allowed[token >> 6] |= 1UL << token;
                }
            }

            node++;
        }
    }
}
