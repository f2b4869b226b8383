using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.Extensions.AI;
using OnnxStream.Interop.Language.Templates;

namespace OnnxStream.Interop.Language.Chat;

/// <summary>A chat client of Microsoft.Extensions.AI over a language model. Requests may come from several threads.</summary>
internal sealed class LanguageChatClient : IChatClient
{
    private readonly LanguageModel _model;
    private readonly LanguageChatClientOptions _options;
    private readonly ConversationPool _conversations;
    private readonly ChatClientMetadata _metadata;
    private bool _isDisposed;

    /// <summary>Makes the client.</summary>
    public LanguageChatClient(LanguageModel model, LanguageChatClientOptions options)
    {
        _ = model.Tokenizer;
        _model = model;
        _options = options;
        _conversations = new ConversationPool(model, options.ConversationCount);
        _metadata = new ChatClientMetadata("onnxstream", providerUri: null, model.Name);
    }

    /// <inheritdoc/>
    public Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken);

    /// <inheritdoc/>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        GenerationOptions generationOptions = ChatRequest.ReadOptions(options?.RawRepresentationFactory?.Invoke(this) as GenerationOptions ?? _options.Generation ?? _model.DefaultOptions, options);
        List<JsonElement>? tools = ChatRequest.ReadTools(options);
        IReadOnlyList<int> prompt = Encode(ChatRequest.ReadMessages(messages, options), tools);
        string id = Guid.NewGuid().ToString("N");
        Conversation conversation = await _conversations.TakeAsync(prompt, cancellationToken);
        try
        {
            Generation generation = conversation.Generate(prompt, generationOptions, progress: null, cancellationToken);
            ToolCallReader? calls = tools is null ? null : new ToolCallReader();
            bool hasCalls = false;
            using IEnumerator<GeneratedToken> tokens = generation.GetEnumerator();

            // Computing is work for a thread; the caller's should not wait for it.
            while (await Task.Run(tokens.MoveNext, cancellationToken))
            {
                string text = tokens.Current.Text;
                IEnumerable<AIContent> contents = calls?.Add(text) ?? (text.Length > 0 ? [new TextContent(text)] : []);
                foreach (AIContent content in contents)
                {
                    hasCalls |= content is FunctionCallContent;
                    yield return Update(content);
                }
            }

            foreach (AIContent content in calls?.Flush() ?? [])
            {
                yield return Update(content);
            }

            ChatResponseUpdate last = Update(new UsageContent(new UsageDetails
            {
                InputTokenCount = generation.PromptTokenCount,
                OutputTokenCount = generation.TokenCount,
                TotalTokenCount = generation.PromptTokenCount + generation.TokenCount,
                CachedInputTokenCount = generation.ReusedTokenCount,
            }));
            last.FinishReason = hasCalls ? ChatFinishReason.ToolCalls : generation.FinishReason == FinishReason.Length ? ChatFinishReason.Length : ChatFinishReason.Stop;
            yield return last;
        }
        finally
        {
            _conversations.Return(conversation);
        }

        ChatResponseUpdate Update(AIContent content) => new(ChatRole.Assistant, [content])
        {
            ResponseId = id,
            MessageId = id,
            ModelId = _model.Name,
            CreatedAt = DateTimeOffset.UtcNow,
        };
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null :
            serviceType == typeof(ChatClientMetadata) ? _metadata :
            serviceType == typeof(LanguageModel) ? _model :
            serviceType == typeof(InferenceSession) ? _model.Session :
            serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            _conversations.Dispose();
            if (_options.OwnsModel)
            {
                _model.Dispose();
            }
        }
    }

    // Without a template, messages are put one behind the other, as models without training in conversations read text.
    private IReadOnlyList<int> Encode(List<TemplateMessage> messages, List<JsonElement>? tools) => _model.ChatTemplate is { } template
        ? _model.Tokenizer.Encode(template.Apply(messages, addGenerationPrompt: true, tools), addSpecialTokens: false)
        : _model.Tokenizer.Encode(string.Join("\n", messages.Select(message => message.Content)), addSpecialTokens: true);
}
