using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Sessions;

/// <summary>An input of a plan that becomes longer from run to run: a tensor of the state, or one whose length follows from it, such as a mask.</summary>
/// <param name="Model">The model's input.</param>
/// <param name="Planned">The input of the graph that was planned.</param>
/// <param name="Largest">The type that there is memory for, as it is stored.</param>
/// <param name="Extended">The tensor of the state that the plan extends where it is; null where it makes a new one, and for an input that is none.</param>
internal sealed record GrowingInput(Value Model, Value Planned, TensorType Largest, StateLayout? Extended);
