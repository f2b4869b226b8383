using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream;
using OnnxStream.Interop.Server.Jobs;
using OnnxStream.Interop.Server.Models;

namespace OnnxStream.Interop.Fleet;

/// <summary>A machine that does jobs of a queue: those for models that it has, as many at once as it is told to and its memory allows.</summary>
/// <remarks>
/// A job belongs to a worker for as long as it renews its lease. When it does not, another one gets the job, and goes on with the state that was kept last (pictures) or
/// begins anew. Which of two attempts counts, if both come to their end, is decided by which outcome is stored first.
/// </remarks>
public sealed partial class FleetWorker : IAsyncDisposable
{
    private static readonly TimeSpan s_pull = TimeSpan.FromSeconds(30);

    // A job that does not fit goes back, for others or for later.
    private static readonly TimeSpan s_later = TimeSpan.FromSeconds(2);

    private readonly WorkerOptions _options;
    private readonly IServedModels _models;
    private readonly FleetConnection _connection;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _slots;
    private readonly ConcurrentDictionary<string, (CancellationTokenSource Cancellation, Task Work)> _running = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _end = new();
    private readonly WorkerTelemetry _telemetry;
    private bool _isLeaving;
    private bool _isHandingOn;
    private long _done;

    private FleetWorker(WorkerOptions options, IServedModels models, FleetConnection connection, ILogger logger)
    {
        _options = options;
        _models = models;
        _connection = connection;
        _logger = logger;
        _slots = new SemaphoreSlim(options.Slots, options.Slots);
        Name = options.Name ?? $"{Environment.MachineName}-{Guid.NewGuid().ToString("N")[..6]}";
        _telemetry = new WorkerTelemetry(this, options.Slots);
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Why it can do no jobs now; null where it can.</summary>
    public string? Trouble => _isLeaving ? "leaving" : _connection.IsOpen ? null : "the queue is out of reach";

    /// <summary>The jobs that it is doing.</summary>
    public int RunningCount => _running.Count;

    /// <summary>The jobs that it finished.</summary>
    public long DoneCount => Interlocked.Read(ref _done);

    /// <summary>Connects to the queue.</summary>
    /// <param name="options">How it works.</param>
    /// <param name="models">The models that it has; the caller's to close.</param>
    /// <param name="loggers">Are told of jobs and of trouble.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="ArgumentException">An option makes no sense.</exception>
    /// <exception cref="FileNotFoundException">A file that an option names does not exist.</exception>
    /// <exception cref="FleetException">The queue cannot be used.</exception>
    public static async Task<FleetWorker> ConnectAsync(WorkerOptions options, IServedModels models, ILoggerFactory loggers, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(loggers);
        if (options.Slots < 1 || options.SaveInterval < 1)
        {
            throw new ArgumentException("A worker does one job at once or more, and keeps its state after one step or more.", nameof(options));
        }

        ILogger logger = loggers.CreateLogger<FleetWorker>();
        FleetConnection connection = await FleetConnection.OpenAsync(options.Fleet, "onnxstream work", logger, cancellationToken);
        return new FleetWorker(options, models, connection, logger);
    }

    /// <summary>Works until it is stopped. Then jobs that are being done may end, and others are handed on.</summary>
    /// <param name="stop">Stops it.</param>
    public async Task RunAsync(CancellationToken stop)
    {
        List<Task> tasks = [.. ((Func<CancellationToken, Task>[])[HearHelloAsync, HearQuestionsAsync, HearCancellationsAsync, AnnounceAsync]).Select(listen => _connection.ListenForEverAsync(listen, _end.Token))];
        List<Task> pulls = [];
        try
        {
            foreach (ModelStatus model in _models.Models)
            {
                INatsJSConsumer work = await _connection.WorkAsync(model.Name, stop);
                pulls.Add(PullAsync(work, stop));
            }

            await TellModelsAsync(stop);
            await SayAsync();
            await Task.WhenAll(pulls);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }

        _isLeaving = true;
        await SayAsync();
        await DrainAsync();
        await _end.CancelAsync();
        await Task.WhenAll(tasks);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await DrainAsync(TimeSpan.Zero);
        _telemetry.Dispose();
        await _connection.DisposeAsync();
        _slots.Dispose();
        _end.Dispose();
    }

    private Task DrainAsync() => DrainAsync(_options.DrainTime);

    private async Task DrainAsync(TimeSpan patience)
    {
        Task all = Task.WhenAll(_running.Values.Select(job => job.Work));
        if (await Task.WhenAny(all, Task.Delay(patience)) != all)
        {
            _isHandingOn = true;
            foreach ((CancellationTokenSource cancellation, _) in _running.Values)
            {
                await cancellation.CancelAsync();
            }

            await all;
        }
    }

    private async Task PullAsync(INatsJSConsumer work, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                // Nothing is asked for that there is no room for.
                await _slots.WaitAsync(stop);
                _slots.Release();
                INatsJSMsg<byte[]>? message = await work.NextAsync<byte[]>(opts: new NatsJSNextOpts { Expires = s_pull, IdleHeartbeat = TimeSpan.FromSeconds(10) }, cancellationToken: stop);
                if (message is null)
                {
                    continue;
                }

                if (!_slots.Wait(0, CancellationToken.None))
                {
                    // A job for another model was quicker.
                    await message.NakAsync(cancellationToken: CancellationToken.None);
                    continue;
                }

                _ = Task.Run(() => TakeAsync(message, work.Info.Config.AckWait), CancellationToken.None);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception) when (exception is NatsException or IOException or OperationCanceledException)
            {
                LogTrouble(exception);
                await Task.WhenAny(Task.Delay(TimeSpan.FromSeconds(1), stop));
            }
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "The outermost frame of a job: whatever was thrown, the worker goes on.")]
    [SuppressMessage("Reliability", "CA2025", Justification = "The renewal is waited for before the source goes.")]
    private async Task TakeAsync(INatsJSMsg<byte[]> message, TimeSpan lease)
    {
        using CancellationTokenSource cancellation = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        string id = "";
        TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            if (FleetConnection.Parse(message.Data, FleetJson.Default.FleetJob) is not { Id.Length: > 0, Server.Length: > 0, Model.Length: > 0 } job)
            {
                LogUnreadable(message.Subject);
                await message.AckTerminateAsync();
                return;
            }

            id = job.Id;
            if (!_running.TryAdd(id, (cancellation, ended.Task)))
            {
                // The lease ran out while this very worker went on.
                return;
            }

            Task renewing = RenewAsync(message, id, lease, cancellation);
            try
            {
                await DoAsync(message, job, cancellation.Token);
            }
            finally
            {
                await cancellation.CancelAsync();
                await renewing;
            }
        }
        catch (Exception exception)
        {
            // The lease runs out, and another one gets it.
            LogFailure(exception, id);
        }
        finally
        {
            if (_running.TryGetValue(id, out (CancellationTokenSource Cancellation, Task) own) && own.Cancellation == cancellation)
            {
                _running.TryRemove(id, out _);
            }

            _slots.Release();
            ended.SetResult();
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever a job throws is its error.")]
    private async Task DoAsync(INatsJSMsg<byte[]> message, FleetJob job, CancellationToken cancellationToken)
    {
        // Somebody did it and could not say so, or it was cancelled while it waited.
        if (await _connection.FindOutcomeAsync(job.Id, cancellationToken) is { } known)
        {
            await EndAsync(message, job, known);
            return;
        }

        JobRequest? request = job.Request ?? FleetConnection.Parse(await _connection.ReadStoredFileAsync(FleetNames.RequestFile(job.Id), cancellationToken), FleetJson.Default.JobRequest);
        if (request is null)
        {
            await FailAsync(message, job, 0, new JobError("internal_error", "What was asked for has gone from the store of the queue."));
            return;
        }

        string model;
        long bytes;
        try
        {
            (model, bytes) = _models.Examine(request);
        }
        catch (JobRefusedException refusal) when (refusal.Reason is RefusalReason.Memory or RefusalReason.Server)
        {
            // Others may have more.
            await message.NakAsync(delay: s_later, cancellationToken: CancellationToken.None);
            return;
        }
        catch (JobRefusedException refusal)
        {
            await FailAsync(message, job, 0, refusal.Error);
            return;
        }

        using IDisposable? place = _models.TryReserve(model, bytes);
        if (place is null)
        {
            await message.NakAsync(delay: s_later, cancellationToken: CancellationToken.None);
            return;
        }

        // Each attempt has a number of its own, by which its events and files are told apart. Those that were handed on are no fault of the job's.
        int attempt = await _connection.CountAsync(FleetNames.AttemptsKey(job.Id), cancellationToken);
        int faults = attempt < _options.Fleet.MostAttempts ? attempt : attempt - await _connection.FindCountAsync(FleetNames.HandedOnKey(job.Id), cancellationToken);
        if (faults > _options.Fleet.MostAttempts)
        {
            await FailAsync(message, job, attempt - 1, new JobError("job_poisoned", $"{faults - 1} machines began with this job and none of them ended it: they disappeared. It is not tried again."));
            return;
        }

        byte[]? last = attempt > 1 && job.Request?.Image is not null ? await _connection.ReadFileAsync(FleetNames.SavedFile(job.Id), cancellationToken) : null;
        using Activity? activity = WorkerTelemetry.Start(job, model, attempt);
        long start = Stopwatch.GetTimestamp();
        AttemptEvents events = new(_connection, job, attempt, CancellationToken.None);
        AttemptSaves saves = new(_connection, job.Id, last, _options, CancellationToken.None);
        events.Report(new JobEvent(JobEventType.Started));
        LogBegin(job.Id, attempt, last is not null);
        JobResult result;
        try
        {
            result = await _models.RunAsync(new JobWork(job.Id, model, request, bytes, events.Report) { Saves = request.Image is null ? null : saves }, cancellationToken);
            await saves.EndAsync(isHandedOn: false);
        }
        catch (OperationCanceledException)
        {
            _telemetry.End(activity, model, AttemptEnd.Stopped, Stopwatch.GetElapsedTime(start));
            await saves.EndAsync(_isHandingOn);
            await events.EndAsync();
            if (await _connection.FindOutcomeAsync(job.Id, CancellationToken.None) is { } decided)
            {
                await EndAsync(message, job, decided);
            }
            else if (_isHandingOn)
            {
                await _connection.CountAsync(FleetNames.HandedOnKey(job.Id), CancellationToken.None);
                await message.NakAsync(cancellationToken: CancellationToken.None);
                LogHandedOn(job.Id);
            }

            return;
        }
        catch (Exception exception)
        {
            _telemetry.End(activity, model, AttemptEnd.Failed, Stopwatch.GetElapsedTime(start));
            await saves.EndAsync(isHandedOn: false);
            await events.EndAsync();
            JobRefusedException? refusal = exception as JobRefusedException;
            LogFailure(exception, job.Id);
            if (refusal is { Reason: RefusalReason.Request, Error.Code: not "model_error" } || faults >= _options.Fleet.MostAttempts)
            {
                await FailAsync(message, job, attempt, refusal?.Error ?? new JobError("internal_error", "The machine failed at this job in a way that it should not. Its log says more."));
            }
            else
            {
                // Another machine may be in a better state.
                await message.NakAsync(delay: s_later, cancellationToken: CancellationToken.None);
            }

            return;
        }

        _telemetry.End(activity, model, AttemptEnd.Finished, Stopwatch.GetElapsedTime(start));
        await events.EndAsync();
        await FinishAsync(message, job, attempt, result);
    }

    private async Task FinishAsync(INatsJSMsg<byte[]> message, FleetJob job, int attempt, JobResult result)
    {
        for (int i = 0; i < result.Parts.Count; i++)
        {
            await _connection.WriteFileAsync(FleetNames.ResultFile(job.Id, attempt, i), result.Parts[i].Content, CancellationToken.None);
        }

        FleetOutcome outcome = new(JobState.Finished, attempt, Name)
        {
            Parts = [.. result.Parts.Select(part => new StoredPart(part.ContentType, part.Width, part.Height, part.Seed, part.Parameters))],
            Usage = result.Usage,
            FinishReason = result.FinishReason,
            ToolCalls = result.ToolCalls,
            HasVectors = result.Vectors.Count > 0,
        };
        FleetOutcome decided = await _connection.DecideAsync(job.Id, outcome, CancellationToken.None);
        if (decided.Worker == Name && decided.Attempt == attempt && decided.State == JobState.Finished)
        {
            Interlocked.Increment(ref _done);
        }
        else
        {
            LogLate(job.Id, decided.Worker);
            for (int i = 0; i < result.Parts.Count; i++)
            {
                await _connection.DeleteFileAsync(FleetNames.ResultFile(job.Id, attempt, i));
            }
        }

        await EndAsync(message, job, decided);
    }

    private async Task FailAsync(INatsJSMsg<byte[]> message, FleetJob job, int attempt, JobError error)
    {
        FleetOutcome decided = await _connection.DecideAsync(job.Id, new FleetOutcome(JobState.Failed, attempt, Name) { Error = error }, CancellationToken.None);
        if (decided.State == JobState.Failed)
        {
            NatsHeaders headers = new()
            {
                [FleetNames.ReasonHeader] = error.Code,
                [FleetNames.MessageHeader] = Uri.EscapeDataString(error.Message),
                [FleetNames.WorkerHeader] = FleetNames.Token(decided.Worker),
                [FleetNames.AttemptsHeader] = $"{attempt}",
            };
            await _connection.StoreAsync(FleetNames.Dead(job.Model), message.Data ?? [], $"{job.Id}:dead", CancellationToken.None, headers);
            LogGivenUp(job.Id, error.Code);
        }

        await EndAsync(message, job, decided);
    }

    // In this order: if the worker disappears in between, the next one finds the outcome and does the rest again, which changes nothing.
    private async Task EndAsync(INatsJSMsg<byte[]> message, FleetJob job, FleetOutcome outcome)
    {
        await AttemptEvents.EndAsync(_connection, job, outcome, CancellationToken.None);
        await _connection.RetryAsync(
            "take a job out",
            async token =>
            {
                await message.AckAsync(new AckOpts { DoubleAck = true }, token);
                return true;
            },
            CancellationToken.None);
        if (outcome.Attempt > 0)
        {
            await _connection.ForgetAsync(FleetNames.AttemptsKey(job.Id));
            await _connection.ForgetAsync(FleetNames.HandedOnKey(job.Id));
            await _connection.DeleteFileAsync(FleetNames.SavedFile(job.Id));
        }
    }

    // Renews the lease, and looks whether somebody has decided meanwhile.
    private async Task RenewAsync(INatsJSMsg<byte[]> message, string job, TimeSpan lease, CancellationTokenSource cancellation)
    {
        using PeriodicTimer timer = new(lease / 3);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellation.Token))
            {
                try
                {
                    // Neither takes so long that the next renewal would be late.
                    using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation.Token);
                    limit.CancelAfter(lease / 3);
                    await message.AckProgressAsync(cancellationToken: limit.Token);
                    if (await _connection.FindOutcomeAsync(job, limit.Token) is not null)
                    {
                        await cancellation.CancelAsync();
                    }
                }
                catch (Exception exception) when (exception is NatsException or IOException || (exception is OperationCanceledException && !cancellation.IsCancellationRequested))
                {
                    // The work goes on: the queue may be back in time, and if it is not, whoever ends first counts.
                    LogTrouble(exception);
                }
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private async Task AnnounceAsync(CancellationToken stop)
    {
        using PeriodicTimer timer = new(Announcement.Period);
        long told = Environment.TickCount64;
        while (await timer.WaitForNextTickAsync(stop))
        {
            await SayAsync();
            if (Environment.TickCount64 - told > TimeSpan.FromDays(1).TotalMilliseconds)
            {
                told = Environment.TickCount64;
                await TellModelsAsync(stop);
            }
        }
    }

    // For servers that start while no worker lives. What nobody has told of for a week is forgotten.
    private async Task TellModelsAsync(CancellationToken stop)
    {
        foreach (ModelStatus model in _models.Models)
        {
            await _connection.WriteAsync(FleetNames.ModelKey(model.Name), FleetConnection.Bytes(model, FleetJson.Default.ModelStatus), stop);
        }
    }

    private async Task HearHelloAsync(CancellationToken stop)
    {
        await foreach (NatsMsg<byte[]> _ in _connection.ListenAsync(FleetNames.Hello, stop))
        {
            await SayAsync();
        }
    }

    private async Task HearCancellationsAsync(CancellationToken stop)
    {
        await foreach (NatsMsg<byte[]> message in _connection.ListenAsync(FleetNames.Cancel("*"), stop))
        {
            if (_running.TryGetValue(message.Subject[(message.Subject.LastIndexOf('.') + 1)..], out (CancellationTokenSource Cancellation, Task) job))
            {
                // The one who cancels stores the outcome as well; where that got lost, the job is found out by its lease.
                _ = CancelSoonAsync(job.Cancellation);
            }
        }
    }

    private static async Task CancelSoonAsync(CancellationTokenSource cancellation)
    {
        try
        {
            await cancellation.CancelAsync();
        }
        catch (ObjectDisposedException)
        {
            // It has just come to its end.
        }
    }

    private async Task HearQuestionsAsync(CancellationToken stop)
    {
        await foreach (NatsMsg<byte[]> message in _connection.ListenAsync(FleetNames.Examine(Name), stop))
        {
            ExamineAnswer answer;
            if (FleetConnection.Parse(message.Data, FleetJson.Default.JobRequest) is not { } request)
            {
                continue;
            }

            try
            {
                (string model, long bytes) = _models.Examine(request);
                answer = new ExamineAnswer(model, bytes, null, default);
            }
            catch (JobRefusedException refusal)
            {
                answer = new ExamineAnswer(null, 0, refusal.Error, refusal.Reason);
            }

            await message.ReplyAsync(FleetConnection.Bytes(answer, FleetJson.Default.ExamineAnswer), cancellationToken: stop);
        }
    }

    private async Task SayAsync()
    {
        Announcement announcement = new(new WorkerStatus(Name, _options.Slots, _running.Count, _models.Budget, _models.Models), _isLeaving);
        try
        {
            await _connection.SendAsync(FleetNames.Workers(Name), FleetConnection.Bytes(announcement, FleetJson.Default.Announcement), _end.Token);
        }
        catch (Exception exception) when (exception is NatsException or IOException or OperationCanceledException)
        {
            LogTrouble(exception);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Job {Job} begins, attempt {Attempt} (from a saved step: {IsResumed}).")]
    private partial void LogBegin(string job, int attempt, bool isResumed);

    [LoggerMessage(Level = LogLevel.Information, Message = "Job {Job} goes to another worker.")]
    private partial void LogHandedOn(string job);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Job {Job} was ended by {Worker} before.")]
    private partial void LogLate(string job, string worker);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Job {Job} is given up: {Reason}.")]
    private partial void LogGivenUp(string job, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A message of {Subject} is no job.")]
    private partial void LogUnreadable(string subject);

    [LoggerMessage(Level = LogLevel.Error, Message = "Job {Job} failed unexpectedly.")]
    private partial void LogFailure(Exception exception, string job);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The queue is out of reach.")]
    private partial void LogTrouble(Exception exception);
}
