using System.Text;
using System.Text.Json;
using Microsoft.Extensions.AI;
using OnnxStream.Interop.Language;
using OnnxStream.Interop.Language.Chat;
using OnnxStream.Interop.Language.Grammars;
using OnnxStream.Interop.Language.Templates;
using OnnxStream.Interop.Server.Jobs;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Server.Models;

/// <summary>A language model. It stays open between jobs with the cache of one conversation and one text, so that a next turn is not computed from the start.</summary>
internal sealed class TextModel : ServedModel
{
    private readonly ModelShelfOptions _options;
    private readonly PlannedBytes _bytes;
    private readonly Lock _lock = new();
    private readonly Lock _completing = new();
    private ElementType? _cacheType;
    private LanguageModel? _model;
    private WeightsProvider? _weights;
    private IChatClient? _client;
    private Conversation? _completion;

    public TextModel(string name, string folder, ModelShelfOptions options)
        : base(name, folder)
    {
        _options = options;
        _cacheType = options.CacheElementType;
        using LanguageModel model = Open(options.Session with { PlanOnly = true, WeightsProvider = null, MemoryBudget = null });
        if (!model.HasTokenizer)
        {
            throw new ModelFormatException(folder, "the language model has no tokenizer.json.");
        }

        Facts = new ModelFacts { ContextLength = model.ContextLength, HasChatTemplate = model.ChatTemplate is not null };
        Kinds = [JobKind.Chat, JobKind.Completion];
        int past = Math.Max(0, model.ContextLength - model.ChunkLength);
        PlannedBytes run = PlannedBytes.Of(model.Session, (input, index) => (input.Dimensions!.Count, index) switch
        {
            (_, 0) => 1,
            (4, 2) => past,
            (2, 1) => input.Name.Contains("mask", StringComparison.Ordinal) ? past + model.ChunkLength : model.ChunkLength,
            _ => 1,
        });

        // A plan counts one cache; there are two, and scores of all tokens of a run.
        long caches = CacheBytes(model, past), scores = 2L * model.ChunkLength * model.VocabularySize * sizeof(float);
        _bytes = new PlannedBytes(run.Fastest + caches + scores, run.Smallest + caches + scores);
        ScoreBytes = scores;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<JobKind> Kinds { get; }

    /// <inheritdoc/>
    public override long OpenBytes => _bytes.Within(_options.Budget);

    /// <inheritdoc/>
    public override ModelFacts Facts { get; }

    private long ScoreBytes { get; }

    /// <inheritdoc/>
    public override long Plan(JobRequest request)
    {
        TextParameters text = request.Text ?? throw Wrong("text", "The job has no parameters for a text.");
        if (request.Kind == JobKind.Chat ? text.Messages is not { Count: > 0 } : text.Prompt is null)
        {
            throw Wrong(request.Kind == JobKind.Chat ? "messages" : "prompt", request.Kind == JobKind.Chat ? "The conversation has no messages." : "There is no prompt.");
        }

        try
        {
            _ = Sampling(new GenerationOptions(), text);
        }
        catch (ArgumentException exception)
        {
            throw Refusal(exception, text);
        }

        return 0;
    }

    /// <inheritdoc/>
    public override JobResult Run(JobWork work, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            EnsureOpen();
        }

        try
        {
            return work.Request.Kind == JobKind.Chat
                ? ChatAsync(work.Request.Text!, work.Report, cancellationToken).GetAwaiter().GetResult()
                : Complete(work.Request.Text!, work.Report, cancellationToken);
        }
        catch (ArgumentException exception)
        {
            throw Refusal(exception, work.Request.Text!);
        }
    }

    /// <inheritdoc/>
    public override void Close()
    {
        lock (_lock)
        {
            _completion?.Dispose();
            _client?.Dispose();
            _model?.Dispose();
            _weights?.Dispose();
            (_completion, _client, _model, _weights) = (null, null, null, null);
        }
    }

    private static JobRefusedException Refusal(ArgumentException exception, TextParameters text) => new(
        new JobError(exception is ContextLengthException ? "context_length_exceeded" : "invalid_request", exception.Message.Split(" (Parameter '")[0])
        {
            Param = exception is ContextLengthException or ChatTemplateException ? "messages" :
                exception is not GrammarException ? null : text.Grammar is not null ? "grammar" : text.RequiresTool == true ? "tools" : "response_format",
        },
        RefusalReason.Request,
        exception);

    private static GenerationOptions Sampling(GenerationOptions otherwise, TextParameters text) => otherwise with
    {
        MostTokens = text.MaxTokens ?? otherwise.MostTokens,
        Temperature = text.Temperature ?? otherwise.Temperature,
        TopP = text.TopP ?? otherwise.TopP,
        TopK = text.TopK ?? otherwise.TopK,
        FrequencyPenalty = text.FrequencyPenalty ?? otherwise.FrequencyPenalty,
        PresencePenalty = text.PresencePenalty ?? otherwise.PresencePenalty,
        Seed = text.Seed ?? otherwise.Seed,
        Grammar = Form(text) ?? otherwise.Grammar,
        StopStrings = text.Stop is { Count: > 0 } stops ? stops : otherwise.StopStrings,
    };

    private static Grammar? Form(TextParameters text) => (text.Grammar, text.JsonSchema, text.Json) switch
    {
        (null, null, not true) => null,
        ({ } grammar, null, not true) => Grammar.FromGbnf(grammar),
        (null, { } schema, _) => Grammar.FromJsonSchema(schema),
        (null, null, true) => Grammar.JsonObject,
        _ => throw new GrammarException("An answer has one form: a grammar, or JSON with or without a schema."),
    };

    private static ChatMessage Message(TextMessage message)
    {
        if (message.Role == "tool")
        {
            return new ChatMessage(ChatRole.Tool, [new FunctionResultContent(message.ToolCallId ?? "", message.Content)]);
        }

        List<AIContent> contents = message.Content is null ? [] : [new TextContent(message.Content)];
        foreach (ToolCall call in message.ToolCalls ?? [])
        {
            using JsonDocument arguments = JsonDocument.Parse(call.Arguments);
            contents.Add(new FunctionCallContent(call.Id, call.Name, arguments.RootElement.EnumerateObject().ToDictionary(property => property.Name, property => (object?)property.Value.Clone())));
        }

        return new ChatMessage(new ChatRole(message.Role), contents);
    }

    private static AITool Tool(JsonElement tool) => AIFunctionFactory.CreateDeclaration(
        tool.GetProperty("name").GetString()!,
        tool.TryGetProperty("description", out JsonElement description) ? description.GetString() : null,
        tool.TryGetProperty("parameters", out JsonElement parameters) && parameters.ValueKind == JsonValueKind.Object ? parameters : JsonElement.Parse("{}"));

    private static string WriteArguments(FunctionCallContent call)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            writer.WriteStartObject();
            foreach ((string name, object? value) in call.Arguments ?? new Dictionary<string, object?>())
            {
                writer.WritePropertyName(name);
                if (value is JsonElement element)
                {
                    element.WriteTo(writer);
                }
                else
                {
                    writer.WriteNullValue();
                }
            }

            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static JobResult Result(string text, IReadOnlyList<ToolCall> calls, string reason, JobUsage usage) => new([new JobPart(Encoding.UTF8.GetBytes(text), "text/plain; charset=utf-8")])
    {
        FinishReason = reason,
        ToolCalls = calls,
        Usage = usage,
    };

    private long CacheBytes(LanguageModel model, int past)
    {
        // Keys and values of all layers, once more by half a block each time that one grows (InferenceSession.CreateState takes twice its tensors).
        long ofToken = model.Session.Inputs.Where(input => input.Dimensions is { Count: 4 }).Sum(input =>
        {
            long row = input.Dimensions![3].IsKnown ? input.Dimensions[3].Value : 1;
            return input.Dimensions.Aggregate(1L, (product, dimension) => product * (dimension.IsKnown ? dimension.Value : 1)) / row * BytesOfRow(row);
        });
        return 2 * ofToken * (past + model.ChunkLength);
    }

    private long BytesOfRow(long numbers) => _cacheType switch
    {
        ElementType.Float16 => numbers * sizeof(ushort),
        ElementType.Int8 => numbers + (numbers + 31) / 32 * sizeof(ushort),
        _ => numbers * sizeof(float),
    };

    // No model can have a longer context than it was made for, and one that has its cache in half precision keeps it so.
    private LanguageModel Open(SessionOptions session)
    {
        LanguageModelOptions options = new() { Session = session, CacheElementType = _cacheType };
        LanguageModel model;
        try
        {
            model = LanguageModel.FromFolder(Folder, options);
        }
        catch (ArgumentException) when (_cacheType is not null)
        {
            _cacheType = null;
            options = options with { CacheElementType = null };
            model = LanguageModel.FromFolder(Folder, options);
        }

        if (_options.ContextLength is not { } length || length >= model.ContextLength)
        {
            return model;
        }

        model.Dispose();
        return LanguageModel.FromFolder(Folder, options with { ContextLength = length });
    }

    private void EnsureOpen()
    {
        if (_model is not null)
        {
            return;
        }

        // Each token takes all weights: without a limit, the pages that hold them stay, as long as the system has room.
        _weights = WeightsProvider.DiskMapped(keptBytes: _options.Budget is null ? LanguageModel.UsualKeptBytes : 0);
        try
        {
            _model = Open(_options.Session with { WeightsProvider = _weights, MemoryBudget = _options.Budget is null ? null : OpenBytes - ScoreBytes });
            _client = _model.AsIChatClient();
        }
        catch
        {
            Close();
            throw;
        }
    }

    private async Task<JobResult> ChatAsync(TextParameters text, Action<JobEvent> report, CancellationToken cancellationToken)
    {
        ChatOptions options = new()
        {
            MaxOutputTokens = text.MaxTokens,
            Temperature = text.Temperature,
            TopP = text.TopP,
            TopK = text.TopK,
            FrequencyPenalty = text.FrequencyPenalty,
            PresencePenalty = text.PresencePenalty,
            Seed = text.Seed,
            StopSequences = text.Stop is { Count: > 0 } stops ? [.. stops] : null,
            Tools = text.Tools is { Count: > 0 } tools ? [.. tools.Select(Tool)] : null,
            ToolMode = text.RequiresTool == true ? new RequiredChatToolMode(text.RequiredTool) : null,
            AllowMultipleToolCalls = text.ParallelToolCalls,
            ResponseFormat = text.JsonSchema is { } schema ? ChatResponseFormat.ForJsonSchema(schema) : text.Json == true ? ChatResponseFormat.Json : null,
            RawRepresentationFactory = text.Grammar is null ? null : _ => _model!.DefaultOptions with { Grammar = Form(text) },
        };
        StringBuilder answer = new();
        List<ToolCall> calls = [];
        JobUsage usage = new(0, 0, 0);
        string reason = "stop";
        await foreach (ChatResponseUpdate update in _client!.GetStreamingResponseAsync(text.Messages!.Select(Message), options, cancellationToken))
        {
            foreach (AIContent content in update.Contents)
            {
                switch (content)
                {
                    case TextContent { Text.Length: > 0 } piece:
                        answer.Append(piece.Text);
                        report(new JobEvent(JobEventType.Text) { Text = piece.Text });
                        break;
                    case FunctionCallContent call:
                        ToolCall asked = new(call.CallId, call.Name, WriteArguments(call));
                        calls.Add(asked);
                        report(new JobEvent(JobEventType.ToolCall) { ToolCall = asked });
                        break;
                    case UsageContent { Details: var details }:
                        usage = new JobUsage((int)(details.InputTokenCount ?? 0), (int)(details.OutputTokenCount ?? 0), (int)(details.CachedInputTokenCount ?? 0));
                        break;
                }
            }

            reason = update.FinishReason is { } finish ? finish.Value : reason;
        }

        return Result(answer.ToString(), calls, reason, usage);
    }

    private JobResult Complete(TextParameters text, Action<JobEvent> report, CancellationToken cancellationToken)
    {
        lock (_completing)
        {
            _completion ??= _model!.CreateConversation();
            Generation generation = _completion.Generate(text.Prompt!, Sampling(_model!.DefaultOptions, text), progress: null, cancellationToken);
            StringBuilder answer = new();
            foreach (GeneratedToken token in generation)
            {
                if (token.Text.Length > 0)
                {
                    answer.Append(token.Text);
                    report(new JobEvent(JobEventType.Text) { Text = token.Text });
                }
            }

            return Result(
                answer.ToString(), [], generation.FinishReason == FinishReason.Length ? "length" : "stop", new JobUsage(generation.PromptTokenCount, generation.TokenCount, generation.ReusedTokenCount));
        }
    }
}
