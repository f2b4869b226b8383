using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;

namespace OnnxStream.Interop.Speech;

/// <summary>Speech models where Microsoft.Extensions.AI expects services.</summary>
public static class SpeechToTextExtensions
{
    /// <summary>A client that writes what is said with the model. Sounds are WAV files.</summary>
    /// <param name="model">The model, which must outlive the client unless that disposes of it.</param>
    /// <param name="ownsModel">Whether the client disposes of the model when it is disposed of.</param>
    public static ISpeechToTextClient AsISpeechToTextClient(this SpeechToText model, bool ownsModel = false)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new SpeechToTextClient(model, ownsModel);
    }

    /// <summary>Adds a model and a client over it, one of each for the program. The model is opened when it is first asked for.</summary>
    /// <param name="services">The services.</param>
    /// <param name="folder">The model's folder (<see cref="SpeechToText.FromFolder"/>).</param>
    /// <param name="options">How sessions compute; null for the defaults.</param>
    public static IServiceCollection AddSpeechToText(this IServiceCollection services, string folder, SessionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        services.AddSingleton(_ => SpeechToText.FromFolder(folder, options));
        services.AddSingleton(provider => provider.GetRequiredService<SpeechToText>().AsISpeechToTextClient());
        return services;
    }
}
