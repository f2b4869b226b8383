using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Planning;

/// <summary>Finds values that can be written straight into the memory of others (<see cref="ValuePlace"/>).</summary>
internal static class ValuePlaces
{
    /// <summary>Finds values that can be written where they are wanted.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="order">Its nodes in the order in which they are computed.</param>
    /// <param name="growing">The nodes whose shapes change, which neither are such places nor write to some; null for none.</param>
    /// <remarks>
    /// The whole then exists as soon as its first part does. That is not worth memory: a part keeps memory of its own where the most that
    /// lives at one time would become more. Skipped connections of a U-Net are such parts.
    /// </remarks>
    public static IReadOnlyDictionary<Value, ValuePlace> Find(Graph graph, IReadOnlyList<Node> order, GrowingSteps? growing = null)
    {
        Dictionary<Value, ValuePlace> places = [];
        if (!order.Any(node => node.Inputs.Length > 1 && node.Outputs is [{ }] && OperatorRegistry.Get(node).InputPlaces(new InferenceContext(node)) is not null))
        {
            return places;
        }

        Liveness liveness = new(graph, order);
        Dictionary<Value, List<Node>> consumers = graph.Consumers();
        HashSet<Value> outputs = [.. graph.Outputs];
        HashSet<Node> computed = [.. order];
        foreach (Node node in order.Where(node => node.Inputs.Length > 1 && node.Outputs is [{ }]))
        {
            if (growing?.Covers(node) == true || OperatorRegistry.Get(node).InputPlaces(new InferenceContext(node)) is not { } wanted)
            {
                continue;
            }

            List<(Value Value, ValuePlace Place)> parts = [];
            for (int i = 0; i < node.Inputs.Length; i++)
            {
                (long firstElement, bool isStripe) = wanted[i];
                if (node.Inputs[i] is { Constant: null, Producer: { } producer } value && computed.Contains(producer) && growing?.Covers(producer) != true && !places.ContainsKey(value) && !outputs.Contains(value) &&
                    value.Type!.Value.Shape.ElementCount > 0 && consumers[value].Count(consumer => ReferenceEquals(consumer, node)) == 1 &&
                    (!isStripe || (ReferenceEquals(producer.Outputs[0], value) && OperatorRegistry.Get(producer).CanWriteStripe(producer) &&
                        consumers[value].All(consumer => ReferenceEquals(consumer, node) || (growing?.Covers(consumer) != true && CanRead(consumer, value))))))
                {
                    parts.Add((value, new ValuePlace(node.Outputs[0]!, firstElement, isStripe)));
                }
            }

            // All of them, or those that are made last: with them, the whole lives for a shorter time.
            parts.Sort((left, right) => liveness.FirstStep(left.Value).CompareTo(liveness.FirstStep(right.Value)));
            while (parts.Count > 0 && !liveness.TryMerge(parts.ConvertAll(part => part.Value), node.Outputs[0]!))
            {
                parts.RemoveRange(0, (parts.Count + 1) / 2);
            }

            parts.ForEach(part => places.Add(part.Value, part.Place));
        }

        return places;
    }

    private static bool CanRead(Node consumer, Value value)
    {
        Operator reading = OperatorRegistry.Get(consumer);
        return consumer.Inputs.Select((input, i) => !ReferenceEquals(input, value) || reading.CanReadStripe(consumer, i)).All(can => can);
    }

    /// <summary>How many bytes of values live at each step, as if every value had memory of its own.</summary>
    private sealed class Liveness
    {
        // A file may have as many nodes as it likes, and this looks at many of them for each that puts parts together.
        private const long MostLooks = 100_000_000;

        private readonly Dictionary<Value, Life> _lives = [];
        private readonly long[] _bytes;
        private readonly long _most;
        private long _looks;

        public Liveness(Graph graph, IReadOnlyList<Node> order)
        {
            foreach (Value input in graph.Inputs)
            {
                _lives[input] = new Life(0, 0, Bytes(input));
            }

            for (int step = 0; step < order.Count; step++)
            {
                foreach (Value output in order[step].Outputs.OfType<Value>())
                {
                    _lives[output] = new Life(step, step, Bytes(output));
                }

                foreach (Value input in order[step].Inputs.OfType<Value>())
                {
                    if (_lives.TryGetValue(input, out Life? life))
                    {
                        life.Last = step;
                    }
                }
            }

            foreach (Value output in graph.Outputs)
            {
                if (_lives.TryGetValue(output, out Life? life))
                {
                    life.Last = order.Count - 1;
                }
            }

            _bytes = new long[order.Count];
            foreach (Life life in _lives.Values)
            {
                Add(life.First, life.Last, life.Bytes);
            }

            _most = _bytes.Max();
        }

        /// <summary>The step from which on a value lives.</summary>
        public int FirstStep(Value value) => _lives[value].Actual.First;

        /// <summary>Lets values live in the memory of another, unless that makes the most that lives at one time more.</summary>
        public bool TryMerge(IReadOnlyList<Value> values, Value whole)
        {
            Life[] parts = [.. values.Select(value => _lives[value].Actual)];
            Life life = _lives[whole].Actual;
            (int first, int last) = (Math.Min(parts.Min(part => part.First), life.First), Math.Max(parts.Max(part => part.Last), life.Last));
            _looks += last - first + parts.Length;
            if (_looks > MostLooks)
            {
                return false;
            }

            // What lives less from each step on, and what more.
            long[] changes = new long[last - first + 2];
            changes[0] += life.Bytes;
            changes[life.First - first] -= life.Bytes;
            changes[life.Last - first + 1] += life.Bytes;
            foreach (Life part in parts)
            {
                changes[part.First - first] -= part.Bytes;
                changes[part.Last - first + 1] += part.Bytes;
            }

            long more = 0;
            for (int step = first; step <= last; step++)
            {
                more += changes[step - first];
                if (more > 0 && _bytes[step] + more > _most)
                {
                    return false;
                }
            }

            foreach (Life part in parts)
            {
                Add(part.First, part.Last, -part.Bytes);
                part.MergedInto = life;
            }

            Add(life.First, life.Last, -life.Bytes);
            Add(first, last, life.Bytes);
            (life.First, life.Last) = (first, last);
            return true;
        }

        private static long Bytes(Value value) => value is { Constant: null, Type: { } type } ? type.ByteLength : 0;

        private void Add(int first, int last, long bytes)
        {
            for (int step = first; step <= last; step++)
            {
                _bytes[step] += bytes;
            }
        }

        private sealed class Life(int first, int last, long bytes)
        {
            public int First { get; set; } = first;

            public int Last { get; set; } = last;

            public long Bytes { get; } = bytes;

            public Life? MergedInto { get; set; }

            public Life Actual => MergedInto is null ? this : MergedInto.Actual;
        }
    }
}
