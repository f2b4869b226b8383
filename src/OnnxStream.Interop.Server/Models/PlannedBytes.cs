namespace OnnxStream.Interop.Server.Models;

/// <summary>What a network takes by its plan.</summary>
/// <param name="Fastest">For the fastest plan, in bytes.</param>
/// <param name="Smallest">The smallest budget that it can keep to, in bytes.</param>
internal readonly record struct PlannedBytes(long Fastest, long Smallest)
{
    /// <summary>Plans a network without preparing it.</summary>
    /// <param name="path">Its file.</param>
    /// <param name="options">How it computes.</param>
    /// <param name="dimension">The number of an open dimension, by the input and the dimension's place in its shape.</param>
    public static PlannedBytes Of(string path, SessionOptions options, Func<ValueMetadata, int, long> dimension)
    {
        using InferenceSession session = new(path, options with { PlanOnly = true, MemoryBudget = null, StateBindings = [] });
        return Of(session, dimension);
    }

    /// <summary>Plans what a session does.</summary>
    /// <param name="session">The session.</param>
    /// <param name="dimension">The number of an open dimension, by the input and the dimension's place in its shape.</param>
    public static PlannedBytes Of(InferenceSession session, Func<ValueMetadata, int, long> dimension)
    {
        Dictionary<string, TensorType> types = session.Inputs.ToDictionary(
            input => input.Name,
            input => new TensorType(
                input.ElementType == ElementType.Undefined ? ElementType.Float32 : input.ElementType,
                new Shape([.. (input.Dimensions ?? []).Select((known, index) => known.IsKnown ? known.Value : dimension(input, index))])));
        PlanSummary plan = session.Plan(types);
        return new PlannedBytes(plan.PeakBytes, plan.SmallestBudgetBytes);
    }

    /// <summary>What is to be reserved where there is so much at most: the fastest plan's, or all there is.</summary>
    /// <param name="budget">All there is; null for no limit.</param>
    public long Within(long? budget) => budget is { } most && most < Fastest && most >= Smallest ? most : Fastest;

    /// <summary>The larger of two, which are never open at once.</summary>
    public PlannedBytes Or(PlannedBytes other) => new(Math.Max(Fastest, other.Fastest), Math.Max(Smallest, other.Smallest));
}
