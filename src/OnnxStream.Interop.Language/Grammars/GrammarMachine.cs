using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Language.Grammars;

/// <summary>The states that an automaton can be in after some bytes, made when they are met. A state is a set of nodes, each with its stack; equal sets are one state.</summary>
internal sealed class GrammarMachine
{
    /// <summary>The state in which no text goes on.</summary>
    public const int Dead = 0;

    private const int Unknown = -1;

    // The empty stack.
    private const int Bottom = 0;

    // Sets grow where a text can be read in many ways.
    private const int MostPlaces = 100_000;

    private readonly Automaton _automaton;
    private readonly Dictionary<long[], int> _numbers = new(new SetComparer());
    private readonly List<long[]> _sets = [];
    private readonly List<bool> _isComplete = [];
    private readonly List<(int Node, int Below)> _stacks = [];
    private readonly Dictionary<(int Node, int Below), int> _stackNumbers = [];
    private readonly Stack<long> _work = new();
    private readonly HashSet<long> _seen = [];
    private int[]?[] _next = new int[64][];

    /// <summary>Starts before the first byte of a text.</summary>
    /// <exception cref="GrammarException">The beginning can be read in too many ways.</exception>
    public GrammarMachine(Automaton automaton)
    {
        _automaton = automaton;
        Clear();
        _work.Push(Place(automaton.Starts[automaton.Root], Bottom));
        Start = Close();
    }

    /// <summary>The state before the first byte.</summary>
    public int Start { get; }

    /// <summary>How many states there are.</summary>
    public int Count => _sets.Count;

    /// <summary>Whether the text so far is whole.</summary>
    public bool IsComplete(int state) => _isComplete[state];

    /// <summary>Whether any byte may follow.</summary>
    public bool CanGoOn(int state) => _sets[state].Length > 0;

    /// <summary>The state after one more byte; <see cref="Dead"/> where it may not follow.</summary>
    /// <exception cref="GrammarException">The text can be read in too many ways.</exception>
    public int Next(int state, byte value)
    {
        int[]? row = _next[state];
        int next = row is null ? Unknown : row[value];
        return next != Unknown ? next : Compute(state, value);
    }

    /// <summary>Forgets all states but one.</summary>
    /// <returns>What that one is now.</returns>
    public int Forget(int state)
    {
        (int Node, int[] Stack)[] places = [.. _sets[state].Select(place => ((int)(place >> 32), Unwind((int)place)))];
        bool isComplete = _isComplete[state];
        Clear();
        foreach ((int node, int[] stack) in places)
        {
            _work.Push(Place(node, stack.Aggregate(Bottom, Push)));
        }

        int number = Close();
        _isComplete[number] |= isComplete;
        return number;
    }

    private static long Place(int node, int stack) => ((long)node << 32) | (uint)stack;

    // The nodes to come back to, the last one first.
    private int[] Unwind(int stack)
    {
        List<int> nodes = [];
        for (; stack != Bottom; stack = _stacks[stack].Below)
        {
            nodes.Add(_stacks[stack].Node);
        }

        nodes.Reverse();
        return [.. nodes];
    }

    private void Clear()
    {
        _numbers.Clear();
        _sets.Clear();
        _isComplete.Clear();
        _stacks.Clear();
        _stackNumbers.Clear();
        Array.Clear(_next);
        _stacks.Add((-1, -1));
        _sets.Add([]);
        _isComplete.Add(false);
        _next[Dead] = new int[256];
    }

    private int Push(int below, int node)
    {
        ref int number = ref CollectionsMarshal.GetValueRefOrAddDefault(_stackNumbers, (node, below), out bool exists);
        if (!exists)
        {
            number = _stacks.Count;
            _stacks.Add((node, below));
        }

        return number;
    }

    private int Compute(int state, byte value)
    {
        foreach (long place in _sets[state])
        {
            int node = (int)(place >> 32);
            foreach (ref readonly Automaton.Edge edge in _automaton.Edges.AsSpan(_automaton.FirstEdges[node].._automaton.FirstEdges[node + 1]))
            {
                if (edge.Rule == Automaton.TakesByte && edge.First <= value && value <= edge.Last)
                {
                    _work.Push(Place(edge.Target, (int)place));
                }
            }
        }

        int next = _work.Count == 0 ? Dead : Close();
        int[]? row = _next[state];
        if (row is null)
        {
            row = new int[256];
            Array.Fill(row, Unknown);
            _next[state] = row;
        }

        return row[value] = next;
    }

    // The state of all places that are reached from those on the work list without a byte.
    private int Close()
    {
        _seen.Clear();
        List<long> places = [];
        bool isComplete = false;
        while (_work.TryPop(out long place))
        {
            if (!_seen.Add(place))
            {
                continue;
            }

            if (_seen.Count > MostPlaces)
            {
                _work.Clear();
                throw new GrammarException($"The grammar can read this text in more than {MostPlaces:N0} ways. Write it so that each text has few.");
            }

            int node = (int)(place >> 32);
            int stack = (int)place;
            bool takesBytes = false;
            foreach (ref readonly Automaton.Edge edge in _automaton.Edges.AsSpan(_automaton.FirstEdges[node].._automaton.FirstEdges[node + 1]))
            {
                switch (edge.Rule)
                {
                    case Automaton.TakesByte:
                        takesBytes = true;
                        break;
                    case Automaton.TakesNothing:
                        _work.Push(Place(edge.Target, stack));
                        break;
                    default:
                        // Who only would come back to end has no need to: so lists do not grow the stack.
                        _work.Push(Place(_automaton.Starts[edge.Rule], _automaton.IsEnd[edge.Target] ? stack : Push(stack, edge.Target)));
                        break;
                }
            }

            if (takesBytes)
            {
                places.Add(place);
            }

            if (_automaton.IsFinal[node])
            {
                if (stack == Bottom)
                {
                    isComplete = true;
                }
                else
                {
                    _work.Push(Place(_stacks[stack].Node, _stacks[stack].Below));
                }
            }
        }

        places.Sort();

        // Whether a text is whole is part of what a state is.
        long[] set = isComplete ? [.. places, -1] : [.. places];
        if (!_numbers.TryGetValue(set, out int number))
        {
            number = _sets.Count;
            _numbers.Add(set, number);
            _sets.Add([.. places]);
            _isComplete.Add(isComplete);
            if (number == _next.Length)
            {
                Array.Resize(ref _next, 2 * number);
            }
        }

        return number;
    }

    private sealed class SetComparer : IEqualityComparer<long[]>
    {
        public bool Equals(long[]? x, long[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(long[] obj)
        {
            HashCode hash = default;
            hash.AddBytes(MemoryMarshal.AsBytes(obj.AsSpan()));
            return hash.ToHashCode();
        }
    }
}
