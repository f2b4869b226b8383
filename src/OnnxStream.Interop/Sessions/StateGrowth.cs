using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Planning;
using OnnxStream.Interop.Rewrites;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Sessions;

/// <summary>How a plan that was made for the largest state follows a smaller one as it grows.</summary>
/// <param name="Part">What varies in the graph.</param>
/// <param name="Inputs">The inputs that grow: what the model calls them, what they are in the graph that was planned, and how.</param>
internal sealed record StateGrowth(GrowingPart Part, IReadOnlyList<(Value Model, Value Planned, StateLayout Layout)> Inputs)
{
    /// <summary>The types that the inputs may have at most, so that what goes out is not larger than the capacity.</summary>
    /// <param name="layouts">The tensors of the state that grow.</param>
    /// <param name="segment">The graph for a state that is not the largest.</param>
    /// <param name="known">The types of its inputs.</param>
    /// <param name="shortened">By how many entries less.</param>
    /// <returns>Null if the model does not let the state grow as a plan can follow.</returns>
    public static Dictionary<Value, (TensorType Type, Constant? Constant)>? FindLargest(
        IEnumerable<StateLayout> layouts, Segment segment, IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> known, long shortened)
    {
        Dictionary<Value, (TensorType Type, Constant? Constant)> largest = new(known);
        foreach (StateLayout layout in layouts)
        {
            (TensorType type, Constant? constant) = known[layout.Input];
            int axis = layout.Axis!.Value;
            if (constant is not null || !segment.Values.TryGetValue(layout.Output, out Value? output) || output is not { Constant: null, Type: { } next } || next.Shape.Rank != type.Shape.Rank)
            {
                return null;
            }

            long most = Math.Min(layout.Largest.Shape[axis] - (next.Shape[axis] - type.Shape[axis]), layout.Window ?? long.MaxValue) - shortened;
            if (most < type.Shape[axis] - shortened || most < 1)
            {
                return null;
            }

            largest[layout.Input] = (type with { Shape = type.Shape.With(axis, most) }, null);
        }

        return largest;
    }

    /// <summary>Whether an input may have a type, as far as the state is concerned.</summary>
    public bool MayGrow(Value input, TensorType type)
    {
        foreach ((Value model, _, StateLayout layout) in Inputs)
        {
            if (model == input)
            {
                int axis = layout.Axis!.Value;
                return type.ElementType == layout.Largest.ElementType && type.Shape.Rank == layout.Largest.Shape.Rank && type.Shape.With(axis, 0) == layout.Largest.Shape.With(axis, 0);
            }
        }

        return false;
    }

    /// <summary>Fits a plan to the state.</summary>
    /// <returns>Whether it could be done; if not, the plan is as it was.</returns>
    public bool TryFollow(ExecutionPlan plan, IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> known) =>
        Part.TryFollow(Inputs.Select(input => (input.Planned, known[input.Model].Type))) && plan.Growing!.TryFit(plan, Part.Nodes);
}
