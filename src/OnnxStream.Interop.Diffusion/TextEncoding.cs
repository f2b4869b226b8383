namespace OnnxStream.Interop.Diffusion;

/// <summary>What a text encoder gives for a prompt.</summary>
/// <param name="HiddenStates">The hidden states, <c>[1, ids, width]</c>.</param>
/// <param name="Pooled">One vector for the whole prompt, <c>[1, width]</c>; null where the model has none.</param>
public sealed record TextEncoding(TensorBuffer HiddenStates, TensorBuffer? Pooled);
