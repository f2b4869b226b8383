using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;

namespace OnnxStream.Interop.Server.Jobs;

/// <summary>Takes jobs, lets owners take turns, and does as many at once as the memory of the models allows.</summary>
/// <remarks>
/// Owners take turns: the job that begins next is the oldest of the owner whose turn it is. A job that does not fit beside those that are being done waits for
/// them, and nobody overtakes it, so that a large one is not put off for ever.
/// </remarks>
public sealed partial class JobQueue : IAsyncDisposable
{
    private readonly IJobModels _models;
    private readonly JobLimits _limits;
    private readonly JobQueueOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Job> _jobs = new(StringComparer.Ordinal);
    private readonly LinkedList<string> _turns = new();
    private readonly Dictionary<string, Queue<Job>> _waiting = new(StringComparer.Ordinal);
    private readonly Dictionary<Job, Task> _running = [];
    private readonly Queue<Job> _ended = new();
    private long _keptBytes;
    private bool _isClosed;

    /// <summary>Makes an empty queue.</summary>
    /// <param name="models">What does the jobs.</param>
    /// <param name="limits">How much one job may ask for.</param>
    /// <param name="options">How many there may be.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Is told of each job.</param>
    public JobQueue(IJobModels models, JobLimits limits, JobQueueOptions options, TimeProvider time, ILogger<JobQueue> logger)
    {
        _models = models;
        _limits = limits;
        _options = options;
        _time = time;
        _logger = logger;
    }

    /// <summary>The jobs that wait.</summary>
    public int WaitingCount
    {
        get
        {
            lock (_lock)
            {
                return _waiting.Values.Sum(jobs => jobs.Count);
            }
        }
    }

    /// <summary>The jobs that are being done.</summary>
    public int RunningCount
    {
        get
        {
            lock (_lock)
            {
                return _running.Count;
            }
        }
    }

    /// <summary>Whether no job is taken any more.</summary>
    public bool IsClosed => Volatile.Read(ref _isClosed);

    /// <summary>Takes a job.</summary>
    /// <param name="request">What is asked for.</param>
    /// <param name="owner">Who asks for it.</param>
    /// <exception cref="JobRefusedException">It cannot be done, or not now.</exception>
    public Job Submit(JobRequest request, string owner)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(owner);
        try
        {
            return Take(request, owner);
        }
        catch (JobRefusedException refusal)
        {
            ServerTelemetry.CountRefusal(request.Kind, refusal.Error);
            throw;
        }
    }

    /// <summary>Finds a job of an owner; null where there is none of this name.</summary>
    /// <param name="id">The job's name.</param>
    /// <param name="owner">Who asks: jobs of others are not found.</param>
    public Job? Find(string id, string owner)
    {
        lock (_lock)
        {
            return _jobs.TryGetValue(id, out Job? job) && job.Owner == owner ? job : null;
        }
    }

    /// <summary>The jobs of an owner, the newest first.</summary>
    /// <param name="owner">The owner.</param>
    public IReadOnlyList<Job> List(string owner)
    {
        lock (_lock)
        {
            return [.. _jobs.Values.Where(job => job.Owner == owner).OrderByDescending(job => job.Created)];
        }
    }

    /// <summary>Cancels a job that waits or is being done; forgets one that came to its end.</summary>
    /// <param name="job">The job.</param>
    public void Cancel(Job job)
    {
        ArgumentNullException.ThrowIfNull(job);
        lock (_lock)
        {
            switch (job.State)
            {
                case JobState.Queued or JobState.Running when _running.ContainsKey(job):
                    job.RequestCancellation();
                    break;
                case JobState.Queued:
                    Queue<Job> own = _waiting[job.Owner];
                    _waiting[job.Owner] = new Queue<Job>(own.Where(other => other != job));
                    RemoveTurnIfEmpty(job.Owner);
                    job.Cancel(_time.GetUtcNow());
                    Keep(job);
                    Advance();
                    break;
                default:
                    if (_jobs.Remove(job.Id))
                    {
                        _keptBytes -= BytesOf(job);
                    }

                    break;
            }
        }
    }

    /// <summary>Takes no more jobs, cancels those that wait, and waits for those that are being done.</summary>
    /// <param name="patience">How long; those that are not done then are cancelled.</param>
    public async Task DrainAsync(TimeSpan patience)
    {
        Task[] running;
        lock (_lock)
        {
            _isClosed = true;
            foreach (Job job in _waiting.Values.SelectMany(jobs => jobs).ToArray())
            {
                job.Cancel(_time.GetUtcNow());
                Keep(job);
            }

            _waiting.Clear();
            _turns.Clear();
            running = [.. _running.Values];
        }

        Task all = Task.WhenAll(running);
        if (await Task.WhenAny(all, Task.Delay(patience, _time)) != all)
        {
            lock (_lock)
            {
                foreach (Job job in _running.Keys)
                {
                    job.RequestCancellation();
                }
            }

            await all;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await DrainAsync(TimeSpan.Zero);

    private Job Take(JobRequest request, string owner)
    {
        _limits.Check(request);

        // Planning takes time. Where there is no room, it is not begun.
        lock (_lock)
        {
            CheckRoom(owner);
        }

        (string model, long bytes) = _models.Examine(request);
        Job job = new(request, owner, model, bytes, _time.GetUtcNow());
        lock (_lock)
        {
            CheckRoom(owner);
            Forget();
            _jobs.Add(job.Id, job);
            if (!_waiting.TryGetValue(owner, out Queue<Job>? own))
            {
                _waiting.Add(owner, own = new Queue<Job>());
                _turns.AddLast(owner);
            }

            own.Enqueue(job);
            LogTaken(job.Id, request.Kind, model);
            ServerTelemetry.JobsTaken.Add(1, new KeyValuePair<string, object?>("onnxstream.job.kind", request.Kind.ToString()));
            Advance();
        }

        return job;
    }

    private void CheckRoom(string owner)
    {
        if (_isClosed)
        {
            throw new JobRefusedException(new JobError("server_stopping", "The server is stopping; it takes no more jobs."), RefusalReason.Server);
        }

        if (_waiting.Values.Sum(jobs => jobs.Count) >= _options.MostWaiting)
        {
            throw new JobRefusedException(new JobError("queue_full", $"{_options.MostWaiting} jobs wait already. Try again later."), RefusalReason.Server);
        }

        int own = (_waiting.TryGetValue(owner, out Queue<Job>? waiting) ? waiting.Count : 0) + _running.Keys.Count(job => job.Owner == owner);
        if (own >= _options.MostOfOneOwner)
        {
            throw new JobRefusedException(new JobError("rate_limit_exceeded", $"{own} of your jobs wait or are being done, and there may be {_options.MostOfOneOwner}. Try again when one is done."), RefusalReason.Owner);
        }
    }

    // Under the lock: begins what can begin, and tells the others their places.
    [SuppressMessage("Reliability", "CA2025", Justification = "The work gives its place back itself, at its end.")]
    private void Advance()
    {
        while (_running.Count < _options.MostRunning && _turns.First is { } turn)
        {
            Queue<Job> own = _waiting[turn.Value];
            Job job = own.Peek();
            if (_models.TryReserve(job.Model, job.Bytes) is not { } place)
            {
                break;
            }

            _ = own.Dequeue();
            _turns.RemoveFirst();
            _turns.AddLast(turn.Value);
            RemoveTurnIfEmpty(turn.Value);
            if (_models.BeginsAtOnce)
            {
                job.Start();
            }
            else
            {
                job.SetPosition(0);
            }

            // The job before this one may have begun it: what belongs to that one's request does not belong to this.
            using AsyncFlowControl flow = ExecutionContext.SuppressFlow();
            _running.Add(job, Task.Run(() => WorkAsync(job, place)));
        }

        // In the order in which they will begin: each owner has one in each round.
        int position = 0;
        int rounds = _waiting.Count == 0 ? 0 : _waiting.Values.Max(jobs => jobs.Count);
        Job[][] queues = [.. _turns.Select(owner => _waiting[owner].ToArray())];
        for (int round = 0; round < rounds; round++)
        {
            foreach (Job[] queue in queues)
            {
                if (round < queue.Length)
                {
                    queue[round].SetPosition(++position);
                }
            }
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "The outermost frame of a job: whatever was thrown becomes its error.")]
    private async Task WorkAsync(Job job, IDisposable place)
    {
        using Activity? activity = ServerTelemetry.StartJob(job);
        long start = Stopwatch.GetTimestamp();
        JobResult? result = null;
        JobError? error = null;
        bool isCancelled = false;
        try
        {
            result = await _models.RunAsync(new JobWork(job.Id, job.Model, job.Request, job.Bytes, item => Report(job, item)), job.CancellationToken);
        }
        catch (OperationCanceledException)
        {
            isCancelled = true;
        }
        catch (JobRefusedException exception)
        {
            error = exception.Error;
        }
        catch (Exception exception)
        {
            error = new JobError("internal_error", "The server failed at this job in a way that it should not. Its log says more.");
            LogFailure(exception, job.Id);
        }

        lock (_lock)
        {
            place.Dispose();
            _running.Remove(job);
            if (result is not null)
            {
                if (job.State == JobState.Queued)
                {
                    job.Start();
                }

                job.Finish(result, _time.GetUtcNow());
            }
            else if (isCancelled)
            {
                job.Cancel(_time.GetUtcNow());
            }
            else
            {
                job.Fail(error!, _time.GetUtcNow());
            }

            Keep(job);
            Advance();
        }

        TimeSpan duration = Stopwatch.GetElapsedTime(start);
        ServerTelemetry.EndJob(activity, job, duration);
        LogEnd(job.Id, job.Request.Kind, job.Model, job.State, duration.TotalSeconds);
    }

    private void Report(Job job, JobEvent item)
    {
        if (item.Type != JobEventType.Started)
        {
            ServerTelemetry.Count(job, item, isFirst: item.Type == JobEventType.Text && job.LastEvent?.Type != JobEventType.Text);
            job.Add(item);
            return;
        }

        lock (_lock)
        {
            job.Start();
        }
    }

    private void RemoveTurnIfEmpty(string owner)
    {
        if (_waiting[owner].Count == 0)
        {
            _waiting.Remove(owner);
            _turns.Remove(owner);
        }
    }

    private void Keep(Job job)
    {
        _ended.Enqueue(job);
        _keptBytes += BytesOf(job);
        Forget();
    }

    private void Forget()
    {
        DateTimeOffset oldest = _time.GetUtcNow() - _options.Kept;
        while (_ended.TryPeek(out Job? job) && (_ended.Count > _options.MostKept || _keptBytes > _options.MostKeptBytes || job.Ended < oldest || !_jobs.ContainsKey(job.Id)))
        {
            _ended.Dequeue();
            if (_jobs.Remove(job.Id))
            {
                _keptBytes -= BytesOf(job);
            }
        }
    }

    // What was given counts as well: a picture to begin with stays as long as the job does.
    private static long BytesOf(Job job) =>
        (job.Result?.Parts.Sum(part => (long)part.Content.Length) ?? 0) + (job.Result?.Vectors.Sum(vector => 4L * vector.Length) ?? 0) +
        (job.Request.Image?.Image?.Length ?? 0) + (job.Request.Image?.Mask?.Length ?? 0);

    [LoggerMessage(Level = LogLevel.Error, Message = "Job {Job} failed unexpectedly.")]
    private partial void LogFailure(Exception exception, string job);

    [LoggerMessage(Level = LogLevel.Information, Message = "Job {Job} ({Kind}, {Model}) was taken.")]
    private partial void LogTaken(string job, JobKind kind, string model);

    [LoggerMessage(Level = LogLevel.Information, Message = "Job {Job} ({Kind}, {Model}) ended as {State} after {Seconds:0.000} s.")]
    private partial void LogEnd(string job, JobKind kind, string model, JobState state, double seconds);
}
