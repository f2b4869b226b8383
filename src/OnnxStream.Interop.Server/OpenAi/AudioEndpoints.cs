using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OnnxStream.Interop.Server.Http;
using OnnxStream.Interop.Server.Jobs;
using OnnxStream.Interop.Speech;

namespace OnnxStream.Interop.Server.OpenAi;

/// <summary>OpenAI's API for sound: what is said in it, as it is spoken or in English.</summary>
internal sealed class AudioEndpoints(JobRunner runner, JobLimits limits)
{
    /// <summary>Adds the endpoints.</summary>
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/audio/transcriptions", context => WriteAsync(context, translates: false)).Described("What is said in a sound; a form with a WAV file, by OpenAI's API.", response: OpenAiJson.Default.Transcript);
        routes.MapPost("/v1/audio/translations", context => WriteAsync(context, translates: true)).Described("What is said in a sound, in English; a form with a WAV file, by OpenAI's API.", response: OpenAiJson.Default.Transcript);
    }

    private async Task WriteAsync(HttpContext context, bool translates)
    {
        FormBody form = await FormBody.ReadAsync(context, limits.MostSoundPromptLength);
        string format = form.Text("response_format") ?? "json";
        if (format is not ("json" or "text" or "srt" or "verbose_json" or "vtt"))
        {
            throw RequestTexts.Wrong("response_format", "The response format should be json, text, srt, verbose_json or vtt.");
        }

        foreach (string granularity in form.Texts("timestamp_granularities"))
        {
            if (granularity != "segment")
            {
                throw granularity == "word"
                    ? RequestTexts.Wrong("timestamp_granularities", "The times of words are not known; those of pieces are (segment).", "unsupported_parameter")
                    : RequestTexts.Wrong("timestamp_granularities", "The granularity of times should be segment.");
            }
        }

        byte[] file = await form.ReadFileAsync("file") ?? throw RequestTexts.Wrong("file", "The file \"file\" is missing from the form.");
        limits.CheckSound("file", file);
        JobResult result = await runner.RunAsync(context, new JobRequest
        {
            Kind = JobKind.Transcription,
            Model = form.Text("model"),
            Transcription = new TranscriptionParameters(file)
            {
                Language = translates ? null : form.Text("language"),
                Translates = translates,
                Prompt = form.Text("prompt"),
                Temperature = form.Number<float>("temperature"),
            },
        });
        Transcript transcript = JsonSerializer.Deserialize(result.Parts[0].Content, OpenAiJson.Default.Transcript)!;
        switch (format)
        {
            case "json":
                TranscriptUsage usage = new("duration", (int)Math.Ceiling(transcript.Duration ?? 0));
                await JsonBody.WriteAsync(context, new Transcript(transcript.Text) { Usage = usage }, OpenAiJson.Default.Transcript);
                break;
            case "verbose_json":
                await JsonBody.WriteAsync(context, transcript, OpenAiJson.Default.Transcript);
                break;
            default:
                await WriteTextAsync(context, transcript, format);
                break;
        }
    }

    private static async Task WriteTextAsync(HttpContext context, Transcript transcript, string format)
    {
        TranscriptSegment[] segments = [.. (transcript.Segments ?? []).Select(piece => new TranscriptSegment(Time(piece.Start), Time(piece.End), piece.Text))];
        string text = format switch
        {
            "srt" => Written(Subtitles.WriteSrt),
            "vtt" => Written(Subtitles.WriteVtt),
            _ => $"{transcript.Text}\n",
        };
        context.Response.ContentType = format == "vtt" ? "text/vtt; charset=utf-8" : "text/plain; charset=utf-8";
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(text), context.RequestAborted);

        string Written(Action<IEnumerable<TranscriptSegment>, TextWriter> write)
        {
            using StringWriter writer = new();
            write(segments, writer);
            return writer.ToString();
        }

        // To the millisecond, which subtitles have.
        static TimeSpan Time(double seconds) => TimeSpan.FromMilliseconds(Math.Round(seconds * 1000));
    }
}
