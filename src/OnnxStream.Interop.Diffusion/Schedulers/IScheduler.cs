using OnnxStream.Interop.Diffusion.RandomSources;

namespace OnnxStream.Interop.Diffusion.Schedulers;

/// <summary>Which time steps the UNET sees while noise becomes a picture, and how each of its outputs moves the sample.</summary>
/// <remarks>
/// The sample is a picture plus noise of standard deviation sigma, as in k-diffusion; <see cref="ScaleModelInput"/> makes of it
/// what the UNET was trained on. A scheduler holds no state of a run: several runs may use it at once.
/// </remarks>
public interface IScheduler
{
    /// <summary>The name that programs of this field show, such as <c>Euler a</c>.</summary>
    string Name { get; }

    /// <summary>The time step of each sampling step, the noisiest first.</summary>
    IReadOnlyList<float> Timesteps { get; }

    /// <summary>What standard normal noise is multiplied by to be the first sample.</summary>
    float InitialNoiseSigma { get; }

    /// <summary>Computes the UNET's input from a sample.</summary>
    /// <param name="sample">The sample before the step.</param>
    /// <param name="index">The step, from 0 on.</param>
    /// <param name="scaled">Receives the input; as long as the sample.</param>
    void ScaleModelInput(ReadOnlySpan<float> sample, int index, Span<float> scaled);

    /// <summary>Takes a step: changes the sample by what the UNET predicts.</summary>
    /// <param name="output">The UNET's output, after guidance; as long as the sample.</param>
    /// <param name="index">The step, from 0 on.</param>
    /// <param name="sample">The sample; on return the one after the step.</param>
    /// <param name="random">Where new noise comes from, if this scheduler adds any.</param>
    void Step(ReadOnlySpan<float> output, int index, Span<float> sample, IRandomSource random);
}
