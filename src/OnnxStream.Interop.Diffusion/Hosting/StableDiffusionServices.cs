using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;

namespace OnnxStream.Interop.Diffusion.Hosting;

/// <summary>Adds pipelines to the services of a program.</summary>
public static class StableDiffusionServices
{
    /// <summary>Adds the model in a folder: a <see cref="StableDiffusionPipeline"/> and an <see cref="IImageGenerator"/>, one of each for the whole program, made when first asked for.</summary>
    /// <param name="services">The services.</param>
    /// <param name="folder">The folder, in one of the layouts that <see cref="PipelineConfiguration"/> lists.</param>
    /// <returns>What configures it further.</returns>
    public static StableDiffusionBuilder AddStableDiffusion(this IServiceCollection services, string folder)
    {
        StableDiffusionBuilder builder = Create(services, folder);
        _ = services.AddSingleton(provider => Make(provider, builder, folder));
        _ = services.AddSingleton(provider => provider.GetRequiredService<StableDiffusionPipeline>().AsIImageGenerator(builder.Defaults));
        return builder;
    }

    /// <summary>As <see cref="AddStableDiffusion"/>, under a key, so that a program may have several models.</summary>
    /// <param name="services">The services.</param>
    /// <param name="key">The key.</param>
    /// <param name="folder">The folder.</param>
    /// <returns>What configures it further.</returns>
    public static StableDiffusionBuilder AddKeyedStableDiffusion(this IServiceCollection services, object? key, string folder)
    {
        StableDiffusionBuilder builder = Create(services, folder);
        _ = services.AddKeyedSingleton(key, (provider, _) => Make(provider, builder, folder));
        _ = services.AddKeyedSingleton(key, (provider, _) => provider.GetRequiredKeyedService<StableDiffusionPipeline>(key).AsIImageGenerator(builder.Defaults));
        return builder;
    }

    private static StableDiffusionBuilder Create(IServiceCollection services, string folder)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return new StableDiffusionBuilder(services);
    }

    private static StableDiffusionPipeline Make(IServiceProvider provider, StableDiffusionBuilder builder, string folder) =>
        new(PipelineConfiguration.FromFolder(folder), stage => builder.SessionOptions(provider, stage));
}
