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

    // As the conventions ask for.
    private static readonly InstrumentAdvice<double> s_durations = new() { HistogramBucketBoundaries = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 327.68, 1310.72, 5242.88, 20971.52] };

    private static readonly InstrumentAdvice<double> s_firstTokens = new() { HistogramBucketBoundaries = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0, 100.0] };

    private static readonly InstrumentAdvice<double> s_tokenTimes = new() { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 10.0] };

    private static readonly InstrumentAdvice<long> s_tokens = new() { HistogramBucketBoundaries = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144] };

    /// <summary>Jobs that were taken.</summary>
    public static Counter<long> JobsTaken { get; } = s_meter.CreateCounter<long>("onnxstream.server.jobs", "{job}", "Jobs that were taken");

    /// <summary>Jobs that were refused before they were in the queue.</summary>
    public static Counter<long> JobsRefused { get; } = s_meter.CreateCounter<long>("onnxstream.server.jobs.refused", "{job}", "Jobs that were refused, by the code of the error");

    /// <summary>How long jobs wait.</summary>
    public static Histogram<double> Wait { get; } = s_meter.CreateHistogram("onnxstream.server.queue.wait", "s", "Time from the taking of a job to its begin", [], s_durations);

    /// <summary>How long jobs are being done (https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/).</summary>
    public static Histogram<double> Duration { get; } = s_meter.CreateHistogram("gen_ai.server.request.duration", "s", "Time that a job is being done", [], s_durations);

    /// <summary>How many tokens jobs have.</summary>
    public static Histogram<long> Tokens { get; } = s_meter.CreateHistogram("gen_ai.client.token.usage", "{token}", "Tokens of prompts and answers", [], s_tokens);

    /// <summary>The time until the first piece of an answer is there (https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/).</summary>
    public static Histogram<double> FirstToken { get; } = s_meter.CreateHistogram("gen_ai.server.time_to_first_token", "s", "Time from a job's begin to the first piece of its answer", [], s_firstTokens);

    /// <summary>The mean time of the tokens behind the first (https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/).</summary>
    public static Histogram<double> TokenTime { get; } = s_meter.CreateHistogram("gen_ai.server.time_per_output_token", "s", "Mean time of an answer's tokens behind the first", [], s_tokenTimes);

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
            job.FirstPiece = job.RunningTime;
            FirstToken.Record(job.FirstPiece.TotalSeconds, TagsOf(job));
        }
    }

    /// <summary>Counts a job that was refused.</summary>
    public static void CountRefusal(JobKind kind, JobError error) => JobsRefused.Add(1, new("onnxstream.job.kind", kind.ToString()), new("error.type", error.Code));

    /// <summary>Counts how long a job waited that begins now, and reports it as an activity of its request.</summary>
    public static void CountWait(Job job, TimeSpan duration)
    {
        Wait.Record(duration.TotalSeconds, new("onnxstream.job.kind", job.Request.Kind.ToString()), new("gen_ai.request.model", job.Model));
        using Activity? activity = s_activities.StartActivity("wait", ActivityKind.Internal, job.Parent, startTime: DateTimeOffset.UtcNow - duration);
        activity?.SetTag("onnxstream.job.id", job.Id);
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
        TagList tags = TagsOf(job);
        TagList ended = tags;
        ended.Add("onnxstream.job.state", job.State.ToString());
        if (job.State == JobState.Failed && job.LastEvent?.Error is { } error)
        {
            ended.Add("error.type", error.Code);
            activity?.SetTag("error.type", error.Code);
            activity?.SetStatus(ActivityStatusCode.Error, error.Code);
        }

        Duration.Record(duration.TotalSeconds, ended);
        activity?.SetTag("onnxstream.job.state", job.State.ToString());
        if (job.Result?.Usage is { } usage)
        {
            activity?.SetTag("gen_ai.usage.input_tokens", usage.PromptTokens);
            activity?.SetTag("gen_ai.usage.output_tokens", usage.CompletionTokens);
            Tokens.Record(usage.PromptTokens, [.. tags, new("gen_ai.token.type", "input")]);
            Tokens.Record(usage.CompletionTokens, [.. tags, new("gen_ai.token.type", "output")]);
            if (job.FirstPiece > TimeSpan.Zero && usage.CompletionTokens > 1 && job.State == JobState.Finished)
            {
                TokenTime.Record((job.RunningTime - job.FirstPiece).TotalSeconds / (usage.CompletionTokens - 1), tags);
            }
        }
    }

    private static TagList TagsOf(Job job) => new()
    {
        { "gen_ai.operation.name", Operation(job.Request.Kind) },
        { "gen_ai.request.model", job.Model },
        { "gen_ai.provider.name", "onnxstream" },
    };

    private static string Operation(JobKind kind) => kind switch
    {
        JobKind.Image => "generate_content",
        JobKind.Chat => "chat",
        JobKind.Completion => "text_completion",
        JobKind.Transcription => "transcription",
        _ => "embeddings",
    };
}
