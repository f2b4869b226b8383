using Microsoft.Extensions.DependencyInjection;

namespace OnnxStream.Interop.Diffusion.Hosting;

/// <summary>Configures a pipeline among the services of a program.</summary>
public sealed class StableDiffusionBuilder
{
    internal StableDiffusionBuilder(IServiceCollection services) => Services = services;

    /// <summary>The services.</summary>
    public IServiceCollection Services { get; }

    internal Func<IServiceProvider, PipelineStage, SessionOptions?> SessionOptions { get; private set; } = (_, _) => null;

    internal GenerationOptions? Defaults { get; private set; }

    /// <summary>Says how sessions compute: threads, memory, where weights come from.</summary>
    /// <param name="options">Gives the options of a stage; null for the defaults. Called when the stage begins.</param>
    public StableDiffusionBuilder UseSessionOptions(Func<IServiceProvider, PipelineStage, SessionOptions?> options)
    {
        ArgumentNullException.ThrowIfNull(options);
        SessionOptions = options;
        return this;
    }

    /// <summary>Says what the image generator makes where a request does not say otherwise.</summary>
    /// <param name="defaults">The options.</param>
    public StableDiffusionBuilder UseDefaults(GenerationOptions defaults)
    {
        ArgumentNullException.ThrowIfNull(defaults);
        Defaults = defaults;
        return this;
    }
}
