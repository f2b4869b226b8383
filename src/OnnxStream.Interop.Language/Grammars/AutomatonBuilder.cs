using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Language.Grammars;

/// <summary>Makes an automaton of rules. What can never be brought to an end is left out of it.</summary>
internal sealed class AutomatonBuilder
{
    // A schema with 1,000 properties has some 30,000.
    private const int MostNodes = 2_000_000;

    private readonly IReadOnlyDictionary<string, GrammarExpression> _rules;
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private readonly List<(string Name, GrammarExpression Expression)> _queue = [];
    private readonly List<(int From, Automaton.Edge Edge)> _edges = [];
    private readonly List<int> _starts = [];
    private readonly List<int> _finals = [];
    private int _nodeCount;

    private AutomatonBuilder(IReadOnlyDictionary<string, GrammarExpression> rules) => _rules = rules;

    /// <summary>Makes the automaton.</summary>
    /// <param name="rules">The rules by their names.</param>
    /// <param name="root">The rule that a whole text is.</param>
    /// <exception cref="GrammarException">A rule is missing or calls itself before it has taken anything, no text is possible, or the grammar is too large.</exception>
    public static Automaton Build(IReadOnlyDictionary<string, GrammarExpression> rules, string root) => new AutomatonBuilder(rules).Build(root);

    private Automaton Build(string root)
    {
        int rootNumber = Number(root);
        for (int rule = 0; rule < _queue.Count; rule++)
        {
            int start = AddNode();
            int final = AddNode();
            _starts.Add(start);
            _finals.Add(final);
            Add(_queue[rule].Expression, start, final);
        }

        bool[] isFinal = new bool[_nodeCount];
        _finals.ForEach(node => isFinal[node] = true);
        bool[] reachesEnd = FindThoseThatEnd(takesBytes: true);
        if (!reachesEnd[_starts[rootNumber]])
        {
            throw new GrammarException("No text fits: every way through the grammar needs itself once more, or something that cannot be.");
        }

        bool[] canBeEmpty = FindThoseThatEnd(takesBytes: false);
        _edges.RemoveAll(edge => !reachesEnd[edge.Edge.Target] || (edge.Edge.Rule >= 0 && !reachesEnd[_starts[edge.Edge.Rule]]));
        (int[] firstEdges, Automaton.Edge[] edges) = Sort();
        RefuseLeftRecursion(firstEdges, edges, canBeEmpty);
        return new Automaton
        {
            FirstEdges = firstEdges,
            Edges = edges,
            IsFinal = isFinal,
            IsEnd = FindEnds(firstEdges, edges, isFinal),
            Starts = [.. _starts],
            Root = rootNumber,
        };
    }

    private int Number(string name)
    {
        if (!_numbers.TryGetValue(name, out int number))
        {
            number = _numbers[name] = _queue.Count;
            _queue.Add((name, _rules.TryGetValue(name, out GrammarExpression? expression) ? expression : throw new GrammarException($"There is no rule '{name}'.")));
        }

        return number;
    }

    private int AddNode() => _nodeCount < MostNodes ? _nodeCount++ : throw new GrammarException($"The grammar is too large: it has more than {MostNodes:N0} places. Repeat less.");

    private void AddEdge(int from, int rule, byte first, byte last, int target)
    {
        _edges.Add((from, new Automaton.Edge(rule, first, last, target)));
        if (_edges.Count > 4 * MostNodes)
        {
            throw new GrammarException($"The grammar is too large: it has more than {4 * MostNodes:N0} steps. Repeat less.");
        }
    }

    private void AddEmpty(int from, int target) => AddEdge(from, Automaton.TakesNothing, 0, 0, target);

    private void Add(GrammarExpression expression, int start, int end)
    {
        switch (expression)
        {
            case GrammarExpression.Literal { Bytes: var bytes }:
                AddBytes([.. bytes.Select(value => (value, value))], start, end);
                break;
            case GrammarExpression.Characters { Set: var set }:
                foreach ((byte, byte)[] sequence in set.Ranges.SelectMany(range => Utf8Ranges.Of(range.First, range.Last)))
                {
                    AddBytes(sequence, start, end);
                }

                break;
            case GrammarExpression.Sequence { Parts: var parts }:
                int here = start;
                for (int i = 0; i < parts.Length; i++)
                {
                    int next = i == parts.Length - 1 ? end : AddNode();
                    Add(parts[i], here, next);
                    here = next;
                }

                if (parts.Length == 0)
                {
                    AddEmpty(start, end);
                }

                break;
            case GrammarExpression.Choice { Parts: var parts }:
                foreach (GrammarExpression part in parts)
                {
                    Add(part, start, end);
                }

                break;
            case GrammarExpression.Repetition repetition:
                AddRepetition(repetition, start, end);
                break;
            case GrammarExpression.Rule { Name: var name }:
                AddEdge(start, Number(name), 0, 0, end);
                break;
        }
    }

    private void AddBytes(ReadOnlySpan<(byte First, byte Last)> sequence, int start, int end)
    {
        if (sequence.IsEmpty)
        {
            AddEmpty(start, end);
        }

        for (int i = 0; i < sequence.Length; i++)
        {
            int next = i == sequence.Length - 1 ? end : AddNode();
            AddEdge(start, Automaton.TakesByte, sequence[i].First, sequence[i].Last, next);
            start = next;
        }
    }

    private void AddRepetition(GrammarExpression.Repetition repetition, int start, int end)
    {
        GrammarExpression item = repetition.Item;
        if (Math.Max(repetition.Least, repetition.Most ?? 0) > 1 && item is not (GrammarExpression.Rule or GrammarExpression.Literal { Bytes.Length: 1 }))
        {
            // Many copies call what they are copies of.
            string name = $" {_queue.Count}";
            _numbers[name] = _queue.Count;
            _queue.Add((name, item));
            item = new GrammarExpression.Rule(name);
        }

        int here = start;
        for (int i = 0; i < repetition.Least; i++)
        {
            int next = AddNode();
            Add(item, here, next);
            here = next;
        }

        if (repetition.Most is not { } most)
        {
            int loop = AddNode();
            AddEmpty(here, loop);
            int back = AddNode();
            Add(item, loop, back);
            AddEmpty(back, loop);
            AddEmpty(loop, end);
            return;
        }

        for (int i = repetition.Least; i < most; i++)
        {
            int next = AddNode();
            AddEmpty(here, end);
            Add(item, here, next);
            here = next;
        }

        AddEmpty(here, end);
    }

    // Nodes from which the end of their rule can be reached; without bytes, by the empty text.
    private bool[] FindThoseThatEnd(bool takesBytes)
    {
        ILookup<int, (int From, Automaton.Edge Edge)> arrivals = _edges.Where(edge => takesBytes || edge.Edge.Rule != Automaton.TakesByte).ToLookup(edge => edge.Edge.Target);
        ILookup<int, (int From, Automaton.Edge Edge)> calls = _edges.Where(edge => edge.Edge.Rule >= 0).ToLookup(edge => edge.Edge.Rule);
        Dictionary<int, int> ruleOfStart = _starts.Select((node, rule) => (node, rule)).ToDictionary(pair => pair.node, pair => pair.rule);
        bool[] ends = new bool[_nodeCount];
        Stack<int> work = new(_finals);
        while (work.TryPop(out int node))
        {
            if (ends[node])
            {
                continue;
            }

            ends[node] = true;
            foreach ((int from, Automaton.Edge edge) in arrivals[node])
            {
                if (edge.Rule < 0 || ends[_starts[edge.Rule]])
                {
                    work.Push(from);
                }
            }

            if (ruleOfStart.TryGetValue(node, out int rule))
            {
                foreach ((int from, Automaton.Edge edge) in calls[rule])
                {
                    if (ends[edge.Target])
                    {
                        work.Push(from);
                    }
                }
            }
        }

        return ends;
    }

    private (int[] FirstEdges, Automaton.Edge[] Edges) Sort()
    {
        int[] first = new int[_nodeCount + 1];
        foreach ((int from, _) in CollectionsMarshal.AsSpan(_edges))
        {
            first[from + 1]++;
        }

        for (int node = 0; node < _nodeCount; node++)
        {
            first[node + 1] += first[node];
        }

        Automaton.Edge[] edges = new Automaton.Edge[_edges.Count];
        int[] next = [.. first];
        foreach ((int from, Automaton.Edge edge) in CollectionsMarshal.AsSpan(_edges))
        {
            edges[next[from]++] = edge;
        }

        return (first, edges);
    }

    // Such a rule would put itself on the stack without end.
    private void RefuseLeftRecursion(int[] firstEdges, Automaton.Edge[] edges, bool[] canBeEmpty)
    {
        int[][] calls = [.. _starts.Select(FirstCalls)];
        int[] states = new int[calls.Length];
        for (int root = 0; root < calls.Length; root++)
        {
            Stack<(int Rule, int Next)> way = new();
            way.Push((root, 0));
            while (way.TryPop(out (int Rule, int Next) place))
            {
                if (place.Next == 0 && states[place.Rule] == 2)
                {
                    continue;
                }

                states[place.Rule] = 1;
                if (place.Next == calls[place.Rule].Length)
                {
                    states[place.Rule] = 2;
                    continue;
                }

                way.Push((place.Rule, place.Next + 1));
                int called = calls[place.Rule][place.Next];
                if (states[called] == 1)
                {
                    string name = way.Select(step => _queue[step.Rule].Name).Append(_queue[called].Name).First(name => !name.StartsWith(' '));
                    throw new GrammarException($"The rule '{name}' begins with itself (left recursion): write it with a repetition, as in item (\",\" item)*.");
                }

                way.Push((called, 0));
            }
        }

        // The rules that a rule may call before it takes a byte.
        int[] FirstCalls(int start)
        {
            HashSet<int> called = [];
            HashSet<int> seen = [];
            Stack<int> work = new([start]);
            while (work.TryPop(out int node))
            {
                if (!seen.Add(node))
                {
                    continue;
                }

                foreach (Automaton.Edge edge in edges.AsSpan(firstEdges[node]..firstEdges[node + 1]))
                {
                    if (edge.Rule >= 0)
                    {
                        called.Add(edge.Rule);
                    }

                    if (edge.Rule == Automaton.TakesNothing || (edge.Rule >= 0 && canBeEmpty[_starts[edge.Rule]]))
                    {
                        work.Push(edge.Target);
                    }
                }
            }

            return [.. called];
        }
    }

    private bool[] FindEnds(int[] firstEdges, Automaton.Edge[] edges, bool[] isFinal)
    {
        bool[] isEnd = new bool[_nodeCount];
        HashSet<int> seen = [];
        Stack<int> work = new();
        for (int start = 0; start < isEnd.Length; start++)
        {
            seen.Clear();
            work.Clear();
            work.Push(start);
            bool canOnlyEnd = true;
            while (canOnlyEnd && work.TryPop(out int node))
            {
                if (!seen.Add(node))
                {
                    continue;
                }

                foreach (Automaton.Edge edge in edges.AsSpan(firstEdges[node]..firstEdges[node + 1]))
                {
                    canOnlyEnd &= edge.Rule == Automaton.TakesNothing;
                    work.Push(edge.Target);
                }
            }

            isEnd[start] = canOnlyEnd && seen.Any(node => isFinal[node]);
        }

        return isEnd;
    }
}
