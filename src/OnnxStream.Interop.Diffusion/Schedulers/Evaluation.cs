namespace OnnxStream.Interop.Diffusion.Schedulers;

/// <summary>A question to the UNET: what would this sample be without its noise?</summary>
/// <param name="Sample">The sample: a picture plus noise, not yet scaled for the UNET.</param>
/// <param name="Sigma">The standard deviation of its noise.</param>
/// <param name="Timestep">The time step of the training that has this noise; may lie between two whole ones.</param>
public readonly record struct Evaluation(ReadOnlyMemory<float> Sample, double Sigma, float Timestep);
