using OnnxStream.Interop.Diffusion.RandomSources;

namespace OnnxStream.Interop.Diffusion.Schedulers;

/// <summary>Which noise levels a sample passes through while noise becomes a picture, and how it gets from each to the next.</summary>
/// <remarks>
/// A sample is a picture plus noise of standard deviation sigma, as in Karras et al. 2022,
/// <see href="https://arxiv.org/abs/2206.00364"/>; <see cref="Preconditioning"/> makes of it what a UNET takes, and of what the UNET
/// gives a denoised picture. A scheduler holds no state: each picture has a run of its own, and any number of runs may go at once.
/// </remarks>
public interface IScheduler
{
    /// <summary>The name that programs of this field show, such as <c>DPM++ 2M</c>.</summary>
    string Name { get; }

    /// <summary>The name of the way in which noise levels are spread, such as <c>Karras</c>.</summary>
    string ScheduleName { get; }

    /// <summary>The standard deviation of the noise before each step, the noisiest first, and that after the last step.</summary>
    IReadOnlyList<double> Sigmas { get; }

    /// <summary>The time step of the training that has the noise of each step's begin.</summary>
    IReadOnlyList<float> Timesteps { get; }

    /// <summary>What standard normal noise is multiplied by to be the sample before the first step.</summary>
    float InitialNoiseSigma { get; }

    /// <summary>How many evaluations of the UNET the steps from <paramref name="firstStep"/> on take.</summary>
    /// <param name="firstStep">The first step, from 0 on.</param>
    int EvaluationCount(int firstStep = 0);

    /// <summary>Begins a run.</summary>
    /// <param name="sample">The sample, of the noise <see cref="Sigmas"/>[<paramref name="firstStep"/>]; it is copied.</param>
    /// <param name="random">
    /// Where new noise comes from, if the scheduler adds any: as many numbers as the sample has at the end of each step but a last
    /// one without noise; for DPM++ SDE twice in each step, for its middle and for its end.
    /// </param>
    /// <param name="firstStep">The step to begin with: more than 0 for a sample that is not all noise.</param>
    ISamplingRun Start(ReadOnlySpan<float> sample, IRandomSource random, int firstStep = 0);

    /// <summary>Goes on with a run that was saved.</summary>
    /// <param name="state">What <see cref="ISamplingRun.Save"/> gave, of the same scheduler with the same number of steps.</param>
    /// <param name="random">The source that the run began with, where it stood then: what was drawn from it since is drawn again.</param>
    /// <exception cref="ArgumentException">The state is not one of this scheduler.</exception>
    ISamplingRun Resume(SamplingState state, IRandomSource random);
}
