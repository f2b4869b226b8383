using OnnxStream.Interop.Diffusion.Schedulers;

namespace OnnxStream.Interop.Diffusion;

/// <summary>A way from noise, or from a picture with noise, to a picture.</summary>
/// <param name="Scheduler">Goes it.</param>
/// <param name="FirstStep">The step that it begins with.</param>
/// <param name="Shape">The latents of one picture, <c>[1, channels, height, width]</c>.</param>
internal sealed record SamplingPass(IScheduler Scheduler, int FirstStep, Shape Shape)
{
    /// <summary>The steps of the scheduler, those that are left out included.</summary>
    public int Steps => Scheduler.Timesteps.Count;

    /// <summary>The steps that are taken.</summary>
    public int Taken => Steps - FirstStep;
}
