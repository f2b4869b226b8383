using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Planning;
using OnnxStream.Interop.Rewrites;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Sessions;

/// <summary>A part of a graph with its plan, and what runs it where it is to run.</summary>
/// <param name="graph">The graph.</param>
/// <param name="known">The values that existed before the part, by which it is found again.</param>
/// <param name="segment">The part.</param>
/// <param name="planningBytes">The most native memory that planning took.</param>
internal sealed class PlannedSegment(Graph graph, IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> known, Segment segment, long planningBytes) : IDisposable
{
    /// <summary>The part.</summary>
    public Segment Segment { get; } = segment;

    /// <summary>How the plan follows a state that grows; null if it is for one set of shapes.</summary>
    public StateGrowth? Growth { get; init; }

    /// <summary>The plan.</summary>
    public required ExecutionPlan Plan { get; set; }

    /// <summary>Where the panels of the plan's weights come from.</summary>
    public required PanelSources Panels { get; set; }

    /// <summary>Runs the plan; null as long as it need not.</summary>
    public Executor? Executor { get; set; }

    /// <summary>The memory for weights with which the plan runs.</summary>
    public WeightMemory Weights { get; set; }

    /// <summary>The bytes of weights that may be read ahead.</summary>
    public long WindowBytes { get; set; }

    /// <summary>Whether mapping panels is quicker than reading them; null if nobody has tried.</summary>
    public bool? MappingPays { get; set; }

    /// <summary>The bytes that are held for the plan now.</summary>
    public long HeldBytes => Plan.Account!.LiveBytes;

    /// <summary>The least memory with which the plan can be made and run, beside the weights of a provider that keeps them.</summary>
    /// <param name="holdsWeights">Whether the provider does.</param>
    /// <param name="sets">The sets of inputs that the plan is run for together.</param>
    public long SmallestBytes(bool holdsWeights, int sets = 1) => Math.Max(
        Math.Max(planningBytes, Plan.OperatorBytes + PanelPacker.SmallestBytes(Panels)),
        Plan.NativeBytesFor(sets) + (holdsWeights ? 0 : Plan.ReadWeights.InUseBytes));

    /// <summary>All weights that the plan reads, and those that a missing panel store is made of.</summary>
    public IEnumerable<WeightRange> Ranges => Plan.WeightSchedule.Concat(Plan.PartlyReadWeights.Select(part => part.Range)).Concat(Panels.MissingRanges).Distinct();

    /// <summary>Whether this is the part of a graph from a node on.</summary>
    public bool IsOf(Graph other, int start) => ReferenceEquals(graph, other) && Segment.Start == start;

    /// <summary>Whether this is the part of a graph from a node on where the values before have these types and contents.</summary>
    public bool Matches(Graph other, int start, IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> values) =>
        IsOf(other, start) && AreAlike(known, values);

    /// <summary>Whether two sets of values have the same types, and contents where these are known.</summary>
    public static bool AreAlike(IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> left, IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> right) =>
        left.Count == right.Count &&
        left.All(pair => right.TryGetValue(pair.Key, out (TensorType Type, Constant? Constant) value) && value.Type == pair.Value.Type &&
            (ReferenceEquals(value.Constant, pair.Value.Constant) ||
                (pair.Value.Constant is { Data: { } expected } && value.Constant is { Data: { } data } && data.AsSpan().SequenceEqual(expected))));

    /// <summary>Fits the plan to a state of another extent, if that is all that is new.</summary>
    /// <param name="other">The graph.</param>
    /// <param name="start">The first node.</param>
    /// <param name="values">The values before it.</param>
    public bool TryFollow(Graph other, int start, IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> values)
    {
        if (Growth is null || !IsOf(other, start) || known.Count != values.Count || !known.All(pair => values.TryGetValue(pair.Key, out (TensorType Type, Constant? Constant) value) &&
            (pair.Value == value || (value.Constant is null && Growth.MayGrow(pair.Key, value.Type)))) || !Growth.TryFollow(Plan, values))
        {
            return false;
        }

        known = values;
        return true;
    }

    /// <summary>Fits a plan that was made again to the state that the one before was fitted to.</summary>
    public void Follow()
    {
        if (Growth?.TryFollow(Plan, known) == false)
        {
            throw new InvalidOperationException("A plan that was made again does not fit a state that it fitted before.");
        }
    }

    /// <summary>Frees what running took; the plan stays.</summary>
    public void Close()
    {
        Executor? executor = Executor;
        Executor = null;
        executor?.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            Close();
        }
        finally
        {
            Panels.Release();
            Plan.Dispose();
        }
    }
}
