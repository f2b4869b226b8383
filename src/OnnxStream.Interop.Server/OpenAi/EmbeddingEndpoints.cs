using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OnnxStream.Interop.Server.Http;
using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Server.OpenAi;

/// <summary>OpenAI's API for vectors of texts.</summary>
internal sealed class EmbeddingEndpoints(JobRunner runner)
{
    /// <summary>Adds the endpoint.</summary>
    public void Map(IEndpointRouteBuilder routes) =>
        routes.MapPost("/v1/embeddings", EmbedAsync).Described("Vectors of texts, by OpenAI's API.", request: OpenAiJson.Default.EmbeddingRequest);

    private async Task EmbedAsync(HttpContext context)
    {
        EmbeddingRequest body = await JsonBody.ReadAsync(context, OpenAiJson.Default.EmbeddingRequest);
        if (body.EncodingFormat is not (null or "float" or "base64"))
        {
            throw RequestTexts.Wrong("encoding_format", "The encoding format should be float or base64.");
        }

        if (body.Dimensions is not null)
        {
            throw RequestTexts.Wrong("dimensions", "The dimensions of vectors are those of the model; they cannot be chosen.", "unsupported_parameter");
        }

        IReadOnlyList<string> texts = RequestTexts.Read(body.Input, "input");
        if (texts.Count == 0)
        {
            throw RequestTexts.Wrong("input", "\"input\" is missing: a text or a list of texts.");
        }

        Job job = await runner.SubmitAsync(context, new JobRequest { Kind = JobKind.Embedding, Model = body.Model, Embedding = new EmbeddingParameters(texts) });
        try
        {
            JobResult result = JobRunner.ResultOf(job, await job.WaitAsync(context.RequestAborted));
            context.Response.ContentType = "application/json; charset=utf-8";
            context.Response.Headers.CacheControl = "no-store";
            byte[] answer = Write(job.Model, result, body.EncodingFormat == "base64");
            await context.Response.Body.WriteAsync(answer, context.RequestAborted);
        }
        finally
        {
            runner.Forget(job);
        }
    }

    private static byte[] Write(string model, JobResult result, bool isBase64)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            writer.WriteStartObject();
            writer.WriteString("object", "list");
            writer.WriteStartArray("data");
            for (int i = 0; i < result.Vectors.Count; i++)
            {
                writer.WriteStartObject();
                writer.WriteString("object", "embedding");
                writer.WriteNumber("index", i);
                if (isBase64)
                {
                    // Little-endian, as all machines are that this runs on.
                    writer.WriteBase64String("embedding", MemoryMarshal.AsBytes(result.Vectors[i].AsSpan()));
                }
                else
                {
                    writer.WriteStartArray("embedding");
                    foreach (float value in result.Vectors[i])
                    {
                        writer.WriteNumberValue(float.IsFinite(value) ? value : 0);
                    }

                    writer.WriteEndArray();
                }

                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteString("model", model);
            writer.WriteStartObject("usage");
            writer.WriteNumber("prompt_tokens", result.Usage?.PromptTokens ?? 0);
            writer.WriteNumber("total_tokens", result.Usage?.PromptTokens ?? 0);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        return stream.ToArray();
    }
}
