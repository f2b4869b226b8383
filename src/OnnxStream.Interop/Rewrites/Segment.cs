using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Rewrites;

/// <summary>A part of a model's graph, specialized for types.</summary>
/// <param name="Graph">The nodes with their types.</param>
/// <param name="Start">The first node of the model's graph that it covers.</param>
/// <param name="End">The node behind the last one that it covers.</param>
/// <param name="Inputs">The model's values that <paramref name="Graph"/>'s inputs stand for.</param>
/// <param name="Outputs">The model's values that <paramref name="Graph"/>'s outputs stand for.</param>
/// <param name="Constants">The model's values that later segments read and that turned out to be constant.</param>
/// <param name="Needed">The value of the model whose content the next node needs for planning; null if the segment ends for another reason.</param>
/// <param name="EndsDynamic">Whether the shapes of the last node's outputs are only bounds of what they turn out to be.</param>
/// <param name="EndsBeforeNode">Whether the node behind the last one is no step of a plan, but run by the session: control flow, or one of sequences or optional values.</param>
/// <param name="Trace">Every node that was specialized, in order; none where nobody asked for them.</param>
/// <param name="Values">For each value of the model that is known now, what it became: with its type, and its content where that is the same in every run.</param>
internal sealed record Segment(
    Graph Graph,
    int Start,
    int End,
    IReadOnlyList<Value> Inputs,
    IReadOnlyList<Value> Outputs,
    IReadOnlyDictionary<Value, Constant> Constants,
    Value? Needed,
    bool EndsDynamic,
    bool EndsBeforeNode,
    IReadOnlyDictionary<Value, Value> Values,
    IReadOnlyList<SpecializedNode> Trace);
