namespace OnnxStream.Interop.Sessions;

/// <summary>One of the sets of inputs that a plan is run for.</summary>
/// <param name="Inputs">For each input of the plan, its tensor.</param>
/// <param name="InputsTaken">Called when the inputs are not needed any more.</param>
/// <param name="Create">Makes the tensor for an output, before the first step if it is written where it will stay.</param>
internal sealed record ExecutorSet(IReadOnlyList<LiveTensor> Inputs, Action InputsTaken, Func<int, TensorType, LiveTensor> Create);
