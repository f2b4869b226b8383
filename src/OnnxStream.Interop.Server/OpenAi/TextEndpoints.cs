using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OnnxStream.Interop.Server.Http;
using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Server.OpenAi;

/// <summary>OpenAI's API for texts: conversations and completions, whole or as streams.</summary>
internal sealed class TextEndpoints(JobRunner runner)
{
    private static readonly byte[] s_done = "[DONE]"u8.ToArray();

    /// <summary>Adds the endpoints.</summary>
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/chat/completions", ChatAsync).Described("A conversation's next message, by OpenAI's API.", request: OpenAiJson.Default.ChatCompletionRequest, response: OpenAiJson.Default.ChatCompletion);
        routes.MapPost("/v1/completions", CompleteAsync).Described("What a text goes on with, by OpenAI's API.", request: OpenAiJson.Default.CompletionRequest, response: OpenAiJson.Default.Completion);
    }

    private async Task ChatAsync(HttpContext context)
    {
        ChatCompletionRequest body = await JsonBody.ReadAsync(context, OpenAiJson.Default.ChatCompletionRequest);
        Refuse(body.N is > 1, "n", "One answer is made for each request; n should be 1.");
        Refuse(body.Logprobs == true, "logprobs", "Probabilities of tokens are not reported.");
        Refuse(IsSet(body.LogitBias), "logit_bias", "A bias of tokens is not supported.");
        (bool wantsTools, bool needsTools, string? tool) = ReadToolChoice(body.ToolChoice);
        (bool isJson, JsonElement? schema) = ReadFormat(body.ResponseFormat);
        JobRequest request = new()
        {
            Kind = JobKind.Chat,
            Model = body.Model,
            Text = new TextParameters
            {
                Messages = body.Messages is null ? throw RequestTexts.Wrong("messages", "\"messages\" is missing.") : [.. body.Messages.Select(Message)],
                Tools = wantsTools ? body.Tools?.Select(Tool).ToArray() : null,
                MaxTokens = body.MaxCompletionTokens ?? body.MaxTokens,
                Temperature = body.Temperature,
                TopP = body.TopP,
                TopK = body.TopK,
                FrequencyPenalty = body.FrequencyPenalty,
                PresencePenalty = body.PresencePenalty,
                Seed = body.Seed,
                Stop = RequestTexts.Read(body.Stop, "stop"),
                Json = isJson ? true : null,
                JsonSchema = schema,
                Grammar = body.Grammar,
                RequiresTool = needsTools ? true : null,
                RequiredTool = tool,
                ParallelToolCalls = body.ParallelToolCalls,
            },
        };
        string id = $"chatcmpl-{Guid.NewGuid():N}";
        long created = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        Job job = await runner.SubmitAsync(context, request);
        try
        {
            if (body.Stream != true)
            {
                JobResult result = JobRunner.ResultOf(job, await job.WaitAsync(context.RequestAborted));
                string text = System.Text.Encoding.UTF8.GetString(result.Parts[0].Content);
                ChatChoice choice = new(0)
                {
                    Message = new ChatAnswer
                    {
                        Role = "assistant",
                        Content = text,
                        ToolCalls = result.ToolCalls.Count > 0 ? [.. result.ToolCalls.Select(call => Call(call, null))] : null,
                    },
                    FinishReason = result.FinishReason,
                };
                await JsonBody.WriteAsync(context, new ChatCompletion(id, "chat.completion", created, job.Model, [choice]) { Usage = result.Usage is { } usage ? TokenUsage.Of(usage) : null }, OpenAiJson.Default.ChatCompletion);
                return;
            }

            int calls = 0;
            bool isFirst = true;
            await StreamAsync(
                context,
                job,
                item =>
                {
                    ChatAnswer delta = item.ToolCall is { } call ? new ChatAnswer { ToolCalls = [Call(call, calls++)] } : new ChatAnswer { Content = item.Text };
                    delta = isFirst ? delta with { Role = "assistant" } : delta;
                    isFirst = false;
                    return Chunk([new ChatChoice(0) { Delta = delta }]);
                },
                (reason, usage) => [Chunk([new ChatChoice(0) { Delta = new ChatAnswer(), FinishReason = reason }]), .. Usage(usage)],
                OpenAiJson.Default.ChatCompletion);
        }
        finally
        {
            runner.Forget(job);
        }

        ChatCompletion Chunk(IReadOnlyList<ChatChoice> choices) => new(id, "chat.completion.chunk", created, job.Model, choices);

        IEnumerable<ChatCompletion> Usage(JobUsage? usage) => body.StreamOptions?.IncludeUsage == true && usage is not null ? [Chunk([]) with { Usage = TokenUsage.Of(usage) }] : [];
    }

    private async Task CompleteAsync(HttpContext context)
    {
        CompletionRequest body = await JsonBody.ReadAsync(context, OpenAiJson.Default.CompletionRequest);
        Refuse(body.N is > 1 || body.BestOf is > 1, "n", "One text is made for each request; n and best_of should be 1.");
        Refuse(body.Echo == true, "echo", "The prompt is not repeated.");
        Refuse(!string.IsNullOrEmpty(body.Suffix), "suffix", "Texts are gone on with at their end; a suffix is not supported.");
        Refuse(body.Logprobs is > 0, "logprobs", "Probabilities of tokens are not reported.");
        Refuse(IsSet(body.LogitBias), "logit_bias", "A bias of tokens is not supported.");
        IReadOnlyList<string> prompts = RequestTexts.Read(body.Prompt, "prompt");
        JobRequest request = new()
        {
            Kind = JobKind.Completion,
            Model = body.Model,
            Text = new TextParameters
            {
                Prompt = prompts is [var only] ? only : throw RequestTexts.Wrong("prompt", $"One prompt is expected in each request, found {prompts.Count}."),
                MaxTokens = body.MaxTokens ?? 16,
                Temperature = body.Temperature,
                TopP = body.TopP,
                TopK = body.TopK,
                FrequencyPenalty = body.FrequencyPenalty,
                PresencePenalty = body.PresencePenalty,
                Seed = body.Seed,
                Stop = RequestTexts.Read(body.Stop, "stop"),
                Grammar = body.Grammar,
            },
        };
        string id = $"cmpl-{Guid.NewGuid():N}";
        long created = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        Job job = await runner.SubmitAsync(context, request);
        try
        {
            if (body.Stream != true)
            {
                JobResult result = JobRunner.ResultOf(job, await job.WaitAsync(context.RequestAborted));
                CompletionChoice choice = new(0, System.Text.Encoding.UTF8.GetString(result.Parts[0].Content)) { FinishReason = result.FinishReason };
                await JsonBody.WriteAsync(context, Chunk([choice]) with { Usage = result.Usage is { } usage ? TokenUsage.Of(usage) : null }, OpenAiJson.Default.Completion);
                return;
            }

            await StreamAsync(
                context,
                job,
                item => Chunk([new CompletionChoice(0, item.Text ?? "")]),
                (reason, usage) => [Chunk([new CompletionChoice(0, "") { FinishReason = reason }]), .. body.StreamOptions?.IncludeUsage == true && usage is not null ? [Chunk([]) with { Usage = TokenUsage.Of(usage) }] : (Completion[])[]],
                OpenAiJson.Default.Completion);
        }
        finally
        {
            runner.Forget(job);
        }

        Completion Chunk(IReadOnlyList<CompletionChoice> choices) => new(id, "text_completion", created, job.Model, choices);
    }

    // An error before the first piece is an answer with a status; behind it, an event.
    private static async Task StreamAsync<T>(HttpContext context, Job job, Func<JobEvent, T> piece, Func<string?, JobUsage?, IEnumerable<T>> end, JsonTypeInfo<T> type)
    {
        IAsyncEnumerator<(int Number, JobEvent Event)> events = job.ReadEventsAsync(0, context.RequestAborted).GetAsyncEnumerator(context.RequestAborted);
        EventStream? stream = null;
        await using (events)
        {
            Task<bool> next = events.MoveNextAsync().AsTask();
            while (stream is null ? await next : await stream.WaitAsync(next))
            {
                JobEvent item = events.Current.Event;
                switch (item.Type)
                {
                    case JobEventType.Text or JobEventType.ToolCall:
                        stream ??= await EventStream.BeginAsync(context);
                        await stream.SendAsync(JsonSerializer.SerializeToUtf8Bytes(piece(item), type));
                        break;
                    case JobEventType.Finished:
                        stream ??= await EventStream.BeginAsync(context);
                        foreach (T last in end(item.Result!.FinishReason, item.Result.Usage))
                        {
                            await stream.SendAsync(JsonSerializer.SerializeToUtf8Bytes(last, type));
                        }

                        await stream.SendAsync(s_done);
                        break;
                    case JobEventType.Failed or JobEventType.Cancelled:
                        try
                        {
                            _ = JobRunner.ResultOf(job, item);
                        }
                        catch (ApiException error) when (stream is not null)
                        {
                            await stream.SendAsync(ErrorResponse.Body(context.Request.Path, error));
                        }

                        break;
                }

                next = events.MoveNextAsync().AsTask();
            }
        }
    }

    private static void Refuse(bool isAsked, string param, string message)
    {
        if (isAsked)
        {
            throw RequestTexts.Wrong(param, message, "unsupported_parameter");
        }
    }

    private static bool IsSet(JsonElement? value) => value is { ValueKind: not (JsonValueKind.Null or JsonValueKind.Undefined) } element && !(element.ValueKind == JsonValueKind.Object && element.GetPropertyCount() == 0);

    // Whether functions are offered, whether one must be asked for, and which.
    private static (bool IsOffered, bool IsNeeded, string? Name) ReadToolChoice(JsonElement? choice)
    {
        if (!IsSet(choice))
        {
            return (true, false, null);
        }

        JsonElement value = choice!.Value;
        if (Find(value, "function") is { } function && Find(function, "name") is { ValueKind: JsonValueKind.String } name)
        {
            return (true, true, name.GetString());
        }

        return (value.ValueKind == JsonValueKind.String ? value.GetString() : null) switch
        {
            "auto" => (true, false, null),
            "none" => (false, false, null),
            "required" => (true, true, null),
            _ => throw RequestTexts.Wrong("tool_choice", "\"tool_choice\" should be auto, none, required, or {\"type\": \"function\", \"function\": {\"name\": …}}."),
        };
    }

    // Whether the answer is JSON, and the schema that it fits.
    private static (bool IsJson, JsonElement? Schema) ReadFormat(JsonElement? format)
    {
        if (!IsSet(format))
        {
            return (false, null);
        }

        switch (Find(format!.Value, "type") is { ValueKind: JsonValueKind.String } type ? type.GetString() : null)
        {
            case "text":
                return (false, null);
            case "json_object":
                return (true, null);
            case "json_schema":
                return Find(format.Value, "json_schema") is { } given && Find(given, "schema") is { ValueKind: JsonValueKind.Object or JsonValueKind.True } schema
                    ? (true, schema)
                    : throw RequestTexts.Wrong("response_format", "A response format of the type json_schema has its schema in \"json_schema\": {\"name\": …, \"schema\": {…}}.");
            default:
                throw RequestTexts.Wrong("response_format", "\"response_format\" should be an object whose type is text, json_object or json_schema.");
        }
    }

    private static JsonElement? Find(JsonElement value, string name) => value.ValueKind == JsonValueKind.Object && value.TryGetProperty(name, out JsonElement found) ? found : null;

    private static TextMessage Message(ChatRequestMessage? message) => message is null ? throw RequestTexts.Wrong("messages", "A message is null.") :
        new(message.Role, RequestTexts.ReadContent(message.Content))
        {
            ToolCalls = message.ToolCalls?.Select(call => new ToolCall(call.Id ?? "", call.Function.Name, call.Function.Arguments)).ToArray(),
            ToolCallId = message.ToolCallId,
        };

    private static JsonElement Tool(ChatTool? tool) => tool is { Type: "function" } ? tool.Function : throw RequestTexts.Wrong("tools", "Only tools of the type function can be asked for.");

    private static ChatToolCall Call(ToolCall call, int? index) => new(index, call.Id, "function", new ChatFunctionCall(call.Name, call.Arguments));
}
