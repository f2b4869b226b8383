using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Planning;
using OnnxStream.Interop.Rewrites;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Sessions;

/// <summary>How a plan that was made for the largest state follows a smaller one as it grows.</summary>
/// <param name="Part">What varies in the graph.</param>
/// <param name="Inputs">The inputs that grow.</param>
internal sealed record StateGrowth(GrowingPart Part, IReadOnlyList<GrowingInput> Inputs)
{
    /// <summary>The types that the inputs may have at most, so that what goes out is not larger than the capacity.</summary>
    /// <param name="layouts">The tensors of the state that grow.</param>
    /// <param name="segment">The graph for a state that is not the largest.</param>
    /// <param name="known">The types of its inputs.</param>
    /// <param name="shortened">Whether they are to be one step smaller than that.</param>
    /// <returns>Null if the state does not grow from here on, or not in a way that a plan can follow.</returns>
    public static Dictionary<Value, (TensorType Type, Constant? Constant)>? FindLargest(
        IReadOnlyList<StateLayout> layouts, Segment segment, IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> known, bool shortened)
    {
        long[] added = new long[layouts.Count];
        long[] room = new long[layouts.Count];
        for (int i = 0; i < layouts.Count; i++)
        {
            StateLayout layout = layouts[i];
            (TensorType type, Constant? constant) = known[layout.Input];
            int axis = layout.Axis!.Value;
            if (constant is not null || !segment.Values.TryGetValue(layout.Output, out Value? output) || output is not { Constant: null, Type: { } next } || next.Shape.Rank != type.Shape.Rank)
            {
                return null;
            }

            added[i] = next.Shape[axis] - type.Shape[axis];
            room[i] = Math.Min(layout.Largest.Shape[axis] - added[i], layout.Window ?? long.MaxValue) - type.Shape[axis];
        }

        // Tensors of different capacities grow together as long as all have room.
        bool isUniform = added.All(entries => entries == added[0]);
        long steps = isUniform ? room.Min() : Enumerable.Range(0, added.Length).Min(i => added[i] > 0 ? room[i] / added[i] : long.MaxValue);
        if (added.Min() < 0 || added.Max() == 0 || steps < 1)
        {
            return null;
        }

        steps -= shortened ? 1 : 0;
        Dictionary<Value, (TensorType Type, Constant? Constant)> largest = new(known);
        for (int i = 0; i < layouts.Count; i++)
        {
            TensorType type = known[layouts[i].Input].Type;
            int axis = layouts[i].Axis!.Value;
            largest[layouts[i].Input] = (type with { Shape = type.Shape.With(axis, type.Shape[axis] + steps * (isUniform ? 1 : added[i])) }, null);
        }

        long before = known[layouts[0].Input].Type.Shape[layouts[0].Axis!.Value];
        if (isUniform && layouts.All(layout => known[layout.Input].Type.Shape[layout.Axis!.Value] == before))
        {
            // A mask is as long as the state before the run or after it. Whether that is why, planning shows.
            foreach ((Value input, (TensorType type, Constant? constant)) in known.Where(pair => pair.Value.Constant is null && layouts.All(layout => layout.Input != pair.Key)))
            {
                largest[input] = (type with { Shape = new Shape([.. type.Shape.Dimensions.ToArray().Select((dimension, axis) => Follows(input, axis, dimension) ? dimension + steps : dimension)]) }, constant);
            }
        }

        return largest;

        // A run of as many tokens as the state has: only the name of the dimension tells the tokens from a mask for the state before the run.
        bool Follows(Value input, int axis, long dimension) =>
            input.Declared?.Dimensions is not { } declared ? dimension == before || dimension == before + added[0] :
            !declared[axis].IsKnown && (dimension == before + added[0] || (dimension == before && (declared[axis].Symbol is not { } symbol || IsNameOfState(symbol))));

        bool IsNameOfState(string symbol) =>
            layouts.All(layout => layout.Input.Declared?.Dimensions is not { } declared || declared[layout.Axis!.Value].Symbol is not { } own || own == symbol);
    }

    /// <summary>Whether an input may have a type, as far as there is memory for it.</summary>
    public bool MayGrow(Value input, TensorType type) => Inputs.FirstOrDefault(growing => growing.Model == input) is { Largest: var largest } && type.ElementType == largest.ElementType &&
        type.Shape.Rank == largest.Shape.Rank && Enumerable.Range(0, type.Shape.Rank).All(axis => type.Shape[axis] <= largest.Shape[axis]);

    /// <summary>Whether the plan extends a tensor of the state where it is, with the rows of its heads at distances of its capacity.</summary>
    /// <param name="layout">The tensor.</param>
    public bool Extends(StateLayout layout) => Inputs.Any(input => input.Extended == layout);

    /// <summary>Fits a plan to the state.</summary>
    /// <returns>Whether it could be done; if not, the plan is as it was.</returns>
    public bool TryFollow(ExecutionPlan plan, IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> known) =>
        Part.TryFollow(Inputs.Select(input => (input.Planned, known[input.Model].Type with { ElementType = input.Planned.Type!.Value.ElementType }))) && plan.Growing!.TryFit(plan, Part.Nodes);
}
