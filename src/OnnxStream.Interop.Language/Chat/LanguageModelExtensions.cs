using Microsoft.Extensions.AI;

namespace OnnxStream.Interop.Language.Chat;

/// <summary>Language models where Microsoft.Extensions.AI expects services.</summary>
public static class LanguageModelExtensions
{
    /// <summary>A client that answers with the model.</summary>
    /// <param name="model">The model, which must outlive the client unless that disposes of it.</param>
    /// <param name="options">How the client works; null for the defaults.</param>
    /// <exception cref="InvalidOperationException">The model's folder has no tokenizer.</exception>
    public static IChatClient AsIChatClient(this LanguageModel model, LanguageChatClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new LanguageChatClient(model, options ?? new LanguageChatClientOptions());
    }
}
