using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.KeyValueStore;
using OnnxStream.Interop.Server.Jobs;
using OnnxStream.Interop.Server.Models;

namespace OnnxStream.Interop.Fleet;

/// <summary>The models of a server that does nothing itself: a job goes into the queue, a worker takes it, and what happens to it comes back as events.</summary>
/// <remarks>
/// Workers say every few seconds what they have. Before a job is taken, the worker with the most memory plans it, so that what makes no sense is refused at once.
/// Where no worker lives, jobs for models that workers had in the last days wait for one.
/// </remarks>
public sealed partial class FleetModels : IServedModels
{
    private static readonly TimeSpan s_examination = TimeSpan.FromSeconds(15);

    // A message may get lost with a server of a cluster that stores one copy. What is stored is asked for then.
    private static readonly TimeSpan s_silence = TimeSpan.FromSeconds(30);

    private readonly string _server = Guid.NewGuid().ToString("N");
    private readonly FleetConnection _connection;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<string, (WorkerStatus Status, long Seen)> _workers = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, ModelStatus> _known = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, ChannelWriter<FleetEvent>> _jobs = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource _isFilled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _listening = Task.CompletedTask;

    private FleetModels(FleetConnection connection, ILogger logger)
    {
        _connection = connection;
        _logger = logger;
    }

    /// <summary>Connects to the queue, and finds out which workers there are.</summary>
    /// <param name="options">Where the queue is.</param>
    /// <param name="loggers">Are told of workers and of trouble.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="ArgumentException">An option makes no sense.</exception>
    /// <exception cref="FileNotFoundException">A file that an option names does not exist.</exception>
    /// <exception cref="FleetException">The queue cannot be used.</exception>
    public static async Task<FleetModels> ConnectAsync(FleetOptions options, ILoggerFactory loggers, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(loggers);
        ILogger logger = loggers.CreateLogger<FleetModels>();
        FleetConnection connection = await FleetConnection.OpenAsync(options, "onnxstream serve", logger, cancellationToken);
        FleetModels models = new(connection, logger);
        _ = await connection.EventsAsync(models._server, cancellationToken);
        models._listening = Task.WhenAll(
            connection.ListenForEverAsync(models.HearWorkersAsync, models._stop.Token),
            connection.ListenForEverAsync(models.WatchModelsAsync, models._stop.Token),
            connection.ListenForEverAsync(models.HearEventsAsync, models._stop.Token));

        // Workers that live answer at once.
        await connection.SendAsync(FleetNames.Hello, [], cancellationToken);
        await Task.WhenAny(models._isFilled.Task, Task.Delay(TimeSpan.FromSeconds(5), cancellationToken));
        return models;
    }

    /// <inheritdoc/>
    public IReadOnlyList<ModelStatus> Models
    {
        get
        {
            ILookup<string, ModelStatus> living = Workers.SelectMany(worker => worker.Models).ToLookup(model => model.Name, StringComparer.Ordinal);
            return
            [
                .. living.Select(group => group.First() with
                {
                    IsOpen = group.Any(model => model.IsOpen), JobCount = group.Sum(model => model.JobCount), OpenBytes = group.Sum(model => model.OpenBytes), JobBytes = group.Sum(model => model.JobBytes),
                })
                .Concat(_known.Values.Where(model => !living.Contains(model.Name)).Select(model => model with { IsOpen = false, JobCount = 0, OpenBytes = 0, JobBytes = 0 }))
                .OrderBy(model => model.Name, StringComparer.Ordinal),
            ];
        }
    }

    /// <inheritdoc/>
    public long? Budget => null;

    /// <inheritdoc/>
    public long TakenBytes => 0;

    /// <inheritdoc/>
    public bool BeginsAtOnce => false;

    /// <inheritdoc/>
    public IReadOnlyList<WorkerStatus> Workers =>
        [.. _workers.Values.Where(worker => Environment.TickCount64 - worker.Seen < Announcement.Patience.TotalMilliseconds).Select(worker => worker.Status).OrderBy(worker => worker.Name, StringComparer.Ordinal)];

    /// <inheritdoc/>
    public string? Trouble => _connection.IsOpen ? null : "the queue is out of reach";

    /// <inheritdoc/>
    public (string Model, long Bytes) Examine(JobRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (Trouble is { } trouble)
        {
            throw new JobRefusedException(new JobError("queue_unavailable", $"Jobs cannot be taken now: {trouble}. Try again later."), RefusalReason.Server);
        }

        string model = Find(request);
        JobRequest named = request with { Model = model };
        byte[] question = FleetConnection.Bytes(WithoutPictures(named), FleetJson.Default.JobRequest);

        // The one with the most memory says whether anybody can; the next one is asked where it does not answer.
        IEnumerable<WorkerStatus> able = Workers.Where(worker => worker.Models.Any(each => each.Name == model)).OrderByDescending(worker => worker.Budget ?? long.MaxValue).Take(3);
        foreach (WorkerStatus worker in FleetConnection.FitsMessage(question.Length) ? able : [])
        {
            byte[]? answer = _connection.AskAsync(FleetNames.Examine(worker.Name), question, s_examination, _stop.Token).GetAwaiter().GetResult();
            if (FleetConnection.Parse(answer, FleetJson.Default.ExamineAnswer) is { } known)
            {
                return known.Error is { } error ? throw new JobRefusedException(error, known.Reason) : (model, known.Bytes);
            }
        }

        // Nobody is there: it waits in the queue.
        return (model, 0);
    }

    /// <inheritdoc/>
    public IDisposable? TryReserve(string model, long bytes) => Place.Any;

    /// <inheritdoc/>
    public async Task<JobResult> RunAsync(JobWork work, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(work);
        Channel<FleetEvent> events = Channel.CreateUnbounded<FleetEvent>();
        _jobs[work.Id] = events.Writer;
        bool hasFile = false;
        try
        {
            // With its seed, a job that is done again makes the same.
            JobRequest request = WithSeed(work.Request) with { Model = work.Model };
            byte[] bytes = FleetConnection.Bytes(new FleetJob(work.Id, _server, work.Model, request) { Trace = Activity.Current?.Id }, FleetJson.Default.FleetJob);
            if (!FleetConnection.FitsMessage(bytes.Length))
            {
                hasFile = true;
                await _connection.WriteFileAsync(FleetNames.RequestFile(work.Id), FleetConnection.Bytes(request, FleetJson.Default.JobRequest), cancellationToken);
                bytes = FleetConnection.Bytes(new FleetJob(work.Id, _server, work.Model, null) { Trace = Activity.Current?.Id }, FleetJson.Default.FleetJob);
            }

            await _connection.StoreAsync(FleetNames.Jobs(work.Model), bytes, work.Id, cancellationToken);
            return await FollowAsync(work, events.Reader, cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await CancelAsync(work.Id);
            throw;
        }
        catch (FleetException exception)
        {
            LogLost(exception, work.Id);
            await CancelAsync(work.Id);
            throw new JobRefusedException(
                exception.IsRefusal ? new JobError("queue_refused", exception.Message) : new JobError("queue_unavailable", $"{exception.Message} Try again later."), RefusalReason.Server, exception);
        }
        finally
        {
            _jobs.TryRemove(work.Id, out _);
            if (hasFile)
            {
                await _connection.DeleteFileAsync(FleetNames.RequestFile(work.Id));
            }
        }
    }

    /// <summary>Leaves the queue. Jobs that are in it stay there.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _listening;
        await _connection.DisposeAsync();
        _stop.Dispose();
    }

    private static JobRequest WithSeed(JobRequest request) => request switch
    {
        { Image: { Seed: null } image } => request with { Image = image with { Seed = Random.Shared.NextInt64(1L << 32) } },
        { Text: { Seed: null } text } => request with { Text = text with { Seed = Random.Shared.NextInt64(1L << 32) } },
        _ => request,
    };

    // A plan asks whether there are pictures, not for what they show.
    private static JobRequest WithoutPictures(JobRequest request) => request.Image is not { } image ? request : request with
    {
        Image = image with { Image = image.Image is null ? null : [0], Mask = image.Mask is null ? null : [0] },
    };

    private string Find(JobRequest request)
    {
        IReadOnlyList<ModelStatus> models = Models;
        if (request.Model is null)
        {
            return models.FirstOrDefault(model => model.Kinds.Contains(request.Kind))?.Name ??
                throw new JobRefusedException(new JobError("model_not_found", $"No machine has a model for this ({request.Kind})."), RefusalReason.Model);
        }

        string names = string.Join(", ", models.Where(model => model.Kinds.Contains(request.Kind)).Select(model => model.Name)) is { Length: > 0 } some ? some : "none";
        ModelStatus found = models.FirstOrDefault(model => model.Name == request.Model) ??
            throw new JobRefusedException(new JobError("model_not_found", $"No machine has the model '{(request.Model.Length <= 80 ? request.Model : $"{request.Model[..80]}…")}'. There are: {names}.") { Param = "model" }, RefusalReason.Model);
        return found.Kinds.Contains(request.Kind) ? found.Name : throw new JobRefusedException(
            new JobError("model_not_supported", $"The model '{found.Name}' cannot do this ({request.Kind}). Those that can: {names}.") { Param = "model" }, RefusalReason.Request);
    }

    // Hands on what happens. A second attempt begins anew: what was handed on of the first is not handed on again.
    private async Task<JobResult> FollowAsync(JobWork work, ChannelReader<FleetEvent> events, CancellationToken cancellationToken)
    {
        StringBuilder text = new();
        int attempt = 0, number = -1, place = 0, calls = 0, call = 0;
        while (true)
        {
            FleetEvent? next = await ReadAsync(events, cancellationToken);
            FleetOutcome? outcome = next is null ? await _connection.FindOutcomeAsync(work.Id, cancellationToken) : next.Outcome;
            if (outcome is not null)
            {
                return await ResultAsync(work.Id, outcome, cancellationToken);
            }

            if (next?.Event is not { } item || next.Attempt < attempt || (next.Attempt == attempt && next.Number <= number))
            {
                continue;
            }

            if (next.Attempt > attempt)
            {
                (attempt, place, call) = (next.Attempt, 0, 0);
            }

            number = next.Number;
            switch (item)
            {
                case { Type: JobEventType.Text, Text: { } piece }:
                    int known = Math.Min(piece.Length, text.Length - place);
                    if (known > 0 && text.ToString(place, known) != piece[..known])
                    {
                        await CancelAsync(work.Id);
                        throw new JobRefusedException(new JobError("worker_lost", "The machine that answered has gone, and another one answers in other words. Ask again."), RefusalReason.Server);
                    }

                    place += piece.Length;
                    if (known < piece.Length)
                    {
                        text.Append(piece, known, piece.Length - known);
                        work.Report(known == 0 ? item : item with { Text = piece[known..] });
                    }

                    break;
                case { Type: JobEventType.ToolCall }:
                    if (++call > calls)
                    {
                        calls = call;
                        work.Report(item);
                    }

                    break;
                default:
                    work.Report(item);
                    break;
            }
        }
    }

    private static async Task<FleetEvent?> ReadAsync(ChannelReader<FleetEvent> events, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(s_silence);
        try
        {
            return await events.ReadAsync(limit.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    private async Task<JobResult> ResultAsync(string job, FleetOutcome outcome, CancellationToken cancellationToken)
    {
        switch (outcome.State)
        {
            case JobState.Failed:
                throw new JobRefusedException(outcome.Error ?? new JobError("internal_error", "The machine that did it did not say why it failed."), RefusalReason.Request);
            case JobState.Cancelled:
                throw new OperationCanceledException();
        }

        List<JobPart> parts = [];
        for (int i = 0; i < outcome.Parts.Count; i++)
        {
            StoredPart part = outcome.Parts[i];
            byte[] content = await _connection.ReadStoredFileAsync(FleetNames.ResultFile(job, outcome.Attempt, i), cancellationToken) ??
                throw new JobRefusedException(new JobError("internal_error", "The result has gone from the store of the queue."), RefusalReason.Server);
            parts.Add(new JobPart(content, part.ContentType) { Width = part.Width, Height = part.Height, Seed = part.Seed, Parameters = part.Parameters });
        }

        JobResult result = new(parts)
        {
            Usage = outcome.Usage,
            FinishReason = outcome.FinishReason,
            ToolCalls = outcome.ToolCalls,
            Vectors = outcome.HasVectors ? JsonSerializer.Deserialize(parts[0].Content, FleetJson.Default.SingleArrayArray) ?? [] : [],
        };

        // The server has it now.
        for (int i = 0; i < parts.Count; i++)
        {
            await _connection.DeleteFileAsync(FleetNames.ResultFile(job, outcome.Attempt, i));
        }

        return result;
    }

    // Whoever has it stops, and whoever gets it sees that there is an outcome.
    private async Task CancelAsync(string job)
    {
        using CancellationTokenSource stop = new(TimeSpan.FromSeconds(10));
        try
        {
            await _connection.DecideAsync(job, new FleetOutcome(JobState.Cancelled, 0, _server), stop.Token);
            await _connection.SendAsync(FleetNames.Cancel(job), [], stop.Token);
        }
        catch (Exception exception) when (exception is NatsException or OperationCanceledException or IOException)
        {
            LogLost(exception, job);
        }
    }

    private async Task HearWorkersAsync(CancellationToken stop)
    {
        await foreach (NatsMsg<byte[]> message in _connection.ListenAsync(FleetNames.AllWorkers, stop))
        {
            if (FleetConnection.Parse(message.Data, FleetJson.Default.Announcement) is not { } announcement)
            {
                continue;
            }

            string name = announcement.Status.Name;
            if (announcement.IsLeaving)
            {
                if (_workers.TryRemove(name, out _))
                {
                    LogLeft(name);
                }
            }
            else
            {
                if (!_workers.ContainsKey(name))
                {
                    LogCame(name, announcement.Status.Models.Count);
                }

                _workers[name] = (announcement.Status, Environment.TickCount64);
            }
        }
    }

    private async Task WatchModelsAsync(CancellationToken stop)
    {
        NatsKVWatchOpts options = new()
        {
            OnNoData = _ =>
            {
                _isFilled.TrySetResult();
                return ValueTask.FromResult(false);
            },
        };
        await foreach (NatsKVEntry<byte[]> entry in _connection.State.WatchAsync<byte[]>("model.*", opts: options, cancellationToken: stop))
        {
            if (entry.Operation == NatsKVOperation.Put && FleetConnection.Parse(entry.Value, FleetJson.Default.ModelStatus) is { } model)
            {
                _known[model.Name] = model;
            }

            if (entry.Delta == 0)
            {
                _isFilled.TrySetResult();
            }
        }
    }

    private async Task HearEventsAsync(CancellationToken stop)
    {
        INatsJSConsumer events = await _connection.EventsAsync(_server, stop);
        await foreach (INatsJSMsg<byte[]> message in events.ConsumeAsync<byte[]>(opts: new NatsJSConsumeOpts { MaxMsgs = 500, IdleHeartbeat = TimeSpan.FromSeconds(5), Expires = TimeSpan.FromSeconds(30) }, cancellationToken: stop))
        {
            string job = message.Subject[(message.Subject.LastIndexOf('.') + 1)..];
            if (_jobs.TryGetValue(job, out ChannelWriter<FleetEvent>? writer) && FleetConnection.Parse(message.Data, FleetJson.Default.FleetEvent) is { } item)
            {
                writer.TryWrite(item);
            }

            await message.AckAsync(cancellationToken: stop);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The worker {Worker} has come, with {Models} models.")]
    private partial void LogCame(string worker, int models);

    [LoggerMessage(Level = LogLevel.Information, Message = "The worker {Worker} has left.")]
    private partial void LogLeft(string worker);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The queue failed job {Job}.")]
    private partial void LogLost(Exception exception, string job);

    /// <summary>A place in the queue, of which there are as many as the server's own queue allows.</summary>
    private sealed class Place : IDisposable
    {
        public static Place Any { get; } = new();

        public void Dispose()
        {
        }
    }
}
