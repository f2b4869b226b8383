namespace OnnxStream.Interop.Diffusion.Schedulers;

/// <summary>The way of one sample from noise to a picture. It asks for evaluations of the UNET and is fed with what they give.</summary>
/// <remarks>
/// <code>
/// while (!run.IsDone)
/// {
///     Evaluation evaluation = run.Next;
///     run.Continue(denoise(evaluation.Sample, evaluation.Sigma, evaluation.Timestep));
/// }
/// </code>
/// A step takes one evaluation or several. Whoever drives the run may stop between any two, drive several in turn, or save the state.
/// </remarks>
public interface ISamplingRun
{
    /// <summary>The steps of the scheduler that are behind; those that were left out at the begin count.</summary>
    int Step { get; }

    /// <summary>Whether all steps are behind.</summary>
    bool IsDone { get; }

    /// <summary>The sample after the steps that are behind, of the noise <see cref="IScheduler.Sigmas"/>[<see cref="Step"/>].</summary>
    ReadOnlyMemory<float> Sample { get; }

    /// <summary>The picture, when all steps are behind: the sample in the scale that a decoder takes.</summary>
    /// <exception cref="InvalidOperationException">There are steps to take.</exception>
    ReadOnlyMemory<float> Result { get; }

    /// <summary>The evaluation that the run waits for.</summary>
    /// <exception cref="InvalidOperationException">All steps are behind.</exception>
    Evaluation Next { get; }

    /// <summary>Feeds the run with the outcome of <see cref="Next"/>.</summary>
    /// <param name="denoised">What the sample would be without its noise; as long as the sample. It is copied.</param>
    void Continue(ReadOnlySpan<float> denoised);

    /// <summary>What is needed to go on later: the state at the begin of the current step.</summary>
    SamplingState Save();
}
