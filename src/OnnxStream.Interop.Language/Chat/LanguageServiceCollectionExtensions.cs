using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;

namespace OnnxStream.Interop.Language.Chat;

/// <summary>Adds language models to a program's services.</summary>
public static class LanguageServiceCollectionExtensions
{
    /// <summary>Adds a model and a chat client over it, one of each for the program. The model is opened when it is first asked for.</summary>
    /// <param name="services">The services.</param>
    /// <param name="folder">The model's folder (<see cref="LanguageModel.FromFolder"/>), or its <c>.gguf</c> file (<see cref="LanguageModel.FromFile"/>).</param>
    /// <param name="modelOptions">How to open it; null for the defaults.</param>
    /// <param name="clientOptions">How the client works; null for the defaults.</param>
    public static IServiceCollection AddLanguageModel(
        this IServiceCollection services, string folder, LanguageModelOptions? modelOptions = null, LanguageChatClientOptions? clientOptions = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        services.AddSingleton(_ => Open(folder, modelOptions));
        services.AddSingleton(provider => provider.GetRequiredService<LanguageModel>().AsIChatClient(clientOptions));
        return services;
    }

    /// <summary>Adds a model and a chat client over it under a key, for programs with several.</summary>
    /// <param name="services">The services.</param>
    /// <param name="key">The key.</param>
    /// <param name="folder">The model's folder (<see cref="LanguageModel.FromFolder"/>), or its <c>.gguf</c> file (<see cref="LanguageModel.FromFile"/>).</param>
    /// <param name="modelOptions">How to open it; null for the defaults.</param>
    /// <param name="clientOptions">How the client works; null for the defaults.</param>
    public static IServiceCollection AddKeyedLanguageModel(
        this IServiceCollection services, object key, string folder, LanguageModelOptions? modelOptions = null, LanguageChatClientOptions? clientOptions = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(key);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        services.AddKeyedSingleton(key, (_, _) => Open(folder, modelOptions));
        services.AddKeyedSingleton(key, (provider, _) => provider.GetRequiredKeyedService<LanguageModel>(key).AsIChatClient(clientOptions));
        return services;
    }

    private static LanguageModel Open(string path, LanguageModelOptions? options) => File.Exists(path) ? LanguageModel.FromFile(path, options) : LanguageModel.FromFolder(path, options);
}
