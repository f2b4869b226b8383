using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Server.Jobs;

/// <summary>A job that was taken: where it is, what happened to it, and what it made.</summary>
public sealed class Job : IDisposable
{
    private readonly Lock _lock = new();
    private readonly List<JobEvent> _events = [];
    private readonly CancellationTokenSource _cancellation = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long _taken = Stopwatch.GetTimestamp();
    private long _started;
    private int _lastPreview = -1;

    internal Job(JobRequest request, string owner, string model, long bytes, DateTimeOffset created)
    {
        Request = request;
        Owner = owner;
        Model = model;
        Bytes = bytes;
        Created = created;
    }

    /// <summary>Its name: unguessable, of letters and digits.</summary>
    public string Id { get; } = Guid.NewGuid().ToString("N");

    /// <summary>What was asked for.</summary>
    public JobRequest Request { get; }

    /// <summary>Who asked for it.</summary>
    public string Owner { get; }

    /// <summary>The model that does it.</summary>
    public string Model { get; }

    /// <summary>The memory that it takes by its plan.</summary>
    public long Bytes { get; }

    /// <summary>When it was taken.</summary>
    public DateTimeOffset Created { get; }

    /// <summary>When it came to its end.</summary>
    public DateTimeOffset? Ended { get; private set; }

    /// <summary>Where it is.</summary>
    public JobState State { get; private set; }

    /// <summary>Its place among those that wait, from 1 on; 0 where it does not wait.</summary>
    public int Position { get; private set; }

    /// <summary>What it made; null unless it is finished.</summary>
    public JobResult? Result { get; private set; }

    /// <summary>The last event.</summary>
    public JobEvent? LastEvent
    {
        get
        {
            lock (_lock)
            {
                return _events.Count > 0 ? _events[^1] : null;
            }
        }
    }

    /// <summary>How far it is: the last event with steps.</summary>
    public JobEvent? LastProgress
    {
        get
        {
            lock (_lock)
            {
                return _events.FindLast(item => item.Type == JobEventType.Progress);
            }
        }
    }

    /// <summary>The last coarse picture; null where there is none.</summary>
    public byte[]? LastPreview
    {
        get
        {
            lock (_lock)
            {
                return _lastPreview < 0 ? null : _events[_lastPreview].Preview;
            }
        }
    }

    /// <summary>How long it is being done.</summary>
    internal TimeSpan RunningTime => Stopwatch.GetElapsedTime(_started);

    /// <summary>How long it was being done when the first piece of its answer came; zero before that.</summary>
    internal TimeSpan FirstPiece { get; set; }

    /// <summary>The activity of the request that it came with.</summary>
    internal ActivityContext Parent { get; } = Activity.Current?.Context ?? default;

    /// <summary>Stops the work.</summary>
    internal CancellationToken CancellationToken => _cancellation.Token;

    /// <summary>The events from a number on, as they come, to the last one.</summary>
    /// <param name="first">The number of the first event, from 0 on.</param>
    /// <param name="cancellationToken">Ends the reading; the job goes on.</param>
    public async IAsyncEnumerable<(int Number, JobEvent Event)> ReadEventsAsync(int first = 0, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        for (int number = Math.Max(first, 0); ; number++)
        {
            JobEvent? item = await ReadAsync(number, cancellationToken);
            if (item is null)
            {
                yield break;
            }

            yield return (number, item);
            if (item.IsLast)
            {
                yield break;
            }
        }
    }

    /// <summary>Waits for the end.</summary>
    /// <param name="cancellationToken">Ends the waiting; the job goes on.</param>
    /// <returns>The last event.</returns>
    public async Task<JobEvent> WaitAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (_events is [.., { IsLast: true } last])
                {
                    return last;
                }

                changed = _changed.Task;
            }

            await changed.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Says that the work shall end. One that waits is cancelled by the queue.</summary>
    internal void RequestCancellation() => _cancellation.Cancel();

    internal void SetPosition(int position)
    {
        if (State == JobState.Queued && Position != position)
        {
            Position = position;
            Add(new JobEvent(JobEventType.Queued) { Position = position });
        }
    }

    internal void Start()
    {
        if (State == JobState.Queued)
        {
            _started = Stopwatch.GetTimestamp();
            ServerTelemetry.CountWait(this, Stopwatch.GetElapsedTime(_taken, _started));
        }

        State = JobState.Running;
        Position = 0;
        Add(new JobEvent(JobEventType.Started));
    }

    internal void Finish(JobResult result, DateTimeOffset now)
    {
        Result = result;
        End(JobState.Finished, now, new JobEvent(JobEventType.Finished)
        {
            Result = new JobSummary(result.Parts, Math.Round(Stopwatch.GetElapsedTime(_started).TotalSeconds, 3)) { Usage = result.Usage, FinishReason = result.FinishReason },
        });
    }

    internal void Fail(JobError error, DateTimeOffset now) => End(JobState.Failed, now, new JobEvent(JobEventType.Failed) { Error = error });

    internal void Cancel(DateTimeOffset now) => End(JobState.Cancelled, now, new JobEvent(JobEventType.Cancelled));

    /// <summary>Adds an event. Of pictures of progress only the last one is kept.</summary>
    internal void Add(JobEvent item)
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            if (_events is [.., { IsLast: true }])
            {
                return;
            }

            if (item.Preview is not null || item.IsLast)
            {
                if (_lastPreview >= 0)
                {
                    _events[_lastPreview] = _events[_lastPreview] with { Preview = null };
                }

                _lastPreview = item.Preview is null ? -1 : _events.Count;
            }

            _events.Add(item);
            changed = _changed;
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        changed.SetResult();
    }

    /// <inheritdoc/>
    public void Dispose() => _cancellation.Dispose();

    private void End(JobState state, DateTimeOffset now, JobEvent last)
    {
        State = state;
        Position = 0;
        Ended = now;
        Add(last);
    }

    private async Task<JobEvent?> ReadAsync(int number, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (number < _events.Count)
                {
                    return _events[number];
                }

                if (_events is [.., { IsLast: true }])
                {
                    return null;
                }

                changed = _changed.Task;
            }

            await changed.WaitAsync(cancellationToken);
        }
    }
}
