namespace OnnxStream.Interop.Diffusion;

/// <summary>What a UNET is asked about one picture: the noise in its latents, under each of several conditions.</summary>
/// <param name="Sample">The latents, <c>[1, channels, height, width]</c>, scaled for the model; for an inpainting model with the mask and the masked picture's latents behind.</param>
/// <param name="Timestep">The time step.</param>
/// <param name="Conditions">The conditions, at least one.</param>
public sealed record UnetQuestion(TensorBuffer Sample, float Timestep, IReadOnlyList<UnetCondition> Conditions);
