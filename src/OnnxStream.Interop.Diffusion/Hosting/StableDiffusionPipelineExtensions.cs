using Microsoft.Extensions.AI;

namespace OnnxStream.Interop.Diffusion.Hosting;

/// <summary>A pipeline in the terms of Microsoft.Extensions.AI.</summary>
public static class StableDiffusionPipelineExtensions
{
    /// <summary>The pipeline as an image generator; several calls may run at once.</summary>
    /// <remarks>
    /// <para>Pictures are PNG data with their parameters in them; <see cref="AIContent.RawRepresentation"/> of each is its <see cref="GeneratedImage"/>.</para>
    /// <para>
    /// One original image makes image to image; it is stretched to the size that is asked for, or the nearest possible one.
    /// <see cref="ImageGenerationOptions.AdditionalProperties"/> may have <c>negative_prompt</c>, <c>seed</c>, <c>steps</c>,
    /// <c>guidance_scale</c>, <c>strength</c>, <c>sampler</c>, <c>mask</c> (a <see cref="DataContent"/>) and <c>progress</c> (an
    /// <see cref="IProgress{T}"/> of <see cref="PipelineProgress"/>). For all else <see cref="ImageGenerationOptions.RawRepresentationFactory"/>
    /// may make the <see cref="GenerationOptions"/> to begin with.
    /// </para>
    /// </remarks>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="defaults">What is generated where a request does not say otherwise; null for what suits the model.</param>
    public static IImageGenerator AsIImageGenerator(this StableDiffusionPipeline pipeline, GenerationOptions? defaults = null)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        return new StableDiffusionImageGenerator(pipeline, defaults);
    }
}
