namespace OnnxStream.Interop.Diffusion;

/// <summary>A LoRA, and how strongly it counts.</summary>
/// <param name="File">The LoRA.</param>
/// <param name="Weight">What its changes are multiplied by: 1 for as it was trained, 0 for nothing, negative for the contrary.</param>
public sealed record LoraAdapter(LoraFile File, float Weight = 1);
