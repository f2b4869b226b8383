using OnnxStream.Interop.Diffusion.Schedulers;

namespace OnnxStream.Interop.Diffusion;

/// <summary>What a picture that is being made looks like so far.</summary>
/// <param name="Image">The picture: of a tiny decoder where the model's folder has one, else one pixel for each latent.</param>
/// <param name="Index">Which of the pictures it is, from 0 on.</param>
/// <param name="Step">The steps that it has behind it.</param>
/// <param name="StepCount">The steps that it takes in all.</param>
/// <param name="State">The sample, and what is needed to go on from it.</param>
public sealed record GenerationPreview(RgbImage Image, int Index, int Step, int StepCount, SamplingState State);
