using System.Diagnostics;
using System.Diagnostics.Metrics;
using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Server;

/// <summary>What the server reports to .NET's observers, in the names of OpenTelemetry's conventions for generative models where there are any.</summary>
internal static class ServerTelemetry
{
    /// <summary>The name of the meter and of the source of activities.</summary>
    public const string Name = "OnnxStream.Interop.Server";

    private static readonly ActivitySource s_activities = new(Name);

    private static readonly Meter s_meter = new(Name);

    /// <summary>Jobs that were taken.</summary>
    public static Counter<long> JobsTaken { get; } = s_meter.CreateCounter<long>("onnxstream.server.jobs", "{job}", "Jobs that were taken");

    /// <summary>How long jobs are being done (https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/).</summary>
    public static Histogram<double> Duration { get; } = s_meter.CreateHistogram<double>("gen_ai.server.request.duration", "s", "Time that a job is being done");

    /// <summary>How many tokens jobs have.</summary>
    public static Histogram<long> Tokens { get; } = s_meter.CreateHistogram<long>("gen_ai.client.token.usage", "{token}", "Tokens of prompts and answers");

    /// <summary>The time until the first piece of an answer is there (https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/).</summary>
    public static Histogram<double> FirstToken { get; } = s_meter.CreateHistogram<double>("gen_ai.server.time_to_first_token", "s", "Time from a job's begin to the first piece of its answer");

    /// <summary>Steps of pictures, and parts of other work.</summary>
    public static Counter<long> Steps { get; } = s_meter.CreateCounter<long>("onnxstream.server.steps", "{step}", "Steps that were taken, by stage");

    /// <summary>Counts what an event tells.</summary>
    /// <param name="job">The job.</param>
    /// <param name="item">The event.</param>
    /// <param name="isFirst">Whether it is the first piece of the job's answer.</param>
    public static void Count(Job job, JobEvent item, bool isFirst)
    {
        if (item is { Type: JobEventType.Progress, Step: > 0, Preview: null })
        {
            Steps.Add(1, new("onnxstream.stage", item.Stage), new("gen_ai.request.model", job.Model));
        }
        else if (isFirst)
        {
            FirstToken.Record(job.RunningTime.TotalSeconds, new("gen_ai.operation.name", Operation(job.Request.Kind)), new("gen_ai.request.model", job.Model), new("gen_ai.provider.name", "onnxstream"));
        }
    }

    /// <summary>Begins the activity of a job; null where nobody listens.</summary>
    public static Activity? StartJob(Job job)
    {
        Activity? activity = s_activities.StartActivity($"{Operation(job.Request.Kind)} {job.Model}", ActivityKind.Internal, job.Parent);
        activity?.SetTag("gen_ai.operation.name", Operation(job.Request.Kind));
        activity?.SetTag("gen_ai.request.model", job.Model);
        activity?.SetTag("gen_ai.provider.name", "onnxstream");
        activity?.SetTag("onnxstream.job.id", job.Id);
        return activity;
    }

    /// <summary>Ends the activity of a job and counts it.</summary>
    public static void EndJob(Activity? activity, Job job, TimeSpan duration)
    {
        TagList tags = new()
        {
            { "gen_ai.operation.name", Operation(job.Request.Kind) },
            { "gen_ai.request.model", job.Model },
            { "gen_ai.provider.name", "onnxstream" },
            { "onnxstream.job.state", job.State.ToString() },
        };
        Duration.Record(duration.TotalSeconds, tags);
        if (job.Result?.Usage is { } usage)
        {
            activity?.SetTag("gen_ai.usage.input_tokens", usage.PromptTokens);
            activity?.SetTag("gen_ai.usage.output_tokens", usage.CompletionTokens);
            Tokens.Record(usage.PromptTokens, [.. tags, new("gen_ai.token.type", "input")]);
            Tokens.Record(usage.CompletionTokens, [.. tags, new("gen_ai.token.type", "output")]);
        }

        if (job.State == JobState.Failed)
        {
            activity?.SetStatus(ActivityStatusCode.Error, job.LastEvent?.Error?.Code);
        }
    }

    private static string Operation(JobKind kind) => kind switch
    {
        JobKind.Image => "generate_content",
        JobKind.Chat => "chat",
        JobKind.Completion => "text_completion",
        JobKind.Transcription => "transcription",
        _ => "embeddings",
    };
}
