using System.Threading.Channels;
using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Fleet;

/// <summary>The events of an attempt on their way to the server, in order, beside the work: whoever computes never waits for the queue.</summary>
internal sealed class AttemptEvents
{
    // A PNG file in base 64 must fit a message.
    private const int MostPreviewBytes = 256 << 10;

    private readonly FleetConnection _connection;
    private readonly FleetJob _job;
    private readonly int _attempt;
    private readonly CancellationToken _cancellationToken;
    private readonly Channel<JobEvent> _events = Channel.CreateUnbounded<JobEvent>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Task _sending;
    private int _number;

    public AttemptEvents(FleetConnection connection, FleetJob job, int attempt, CancellationToken cancellationToken)
    {
        _connection = connection;
        _job = job;
        _attempt = attempt;
        _cancellationToken = cancellationToken;
        _sending = SendAsync();
    }

    /// <summary>Sends an event soon.</summary>
    public void Report(JobEvent item) => _events.Writer.TryWrite(item);

    /// <summary>Waits until all are sent.</summary>
    public Task EndAsync()
    {
        _events.Writer.TryComplete();
        return _sending;
    }

    /// <summary>Sends the end, which comes behind all others.</summary>
    public static Task EndAsync(FleetConnection connection, FleetJob job, FleetOutcome outcome, CancellationToken cancellationToken) => connection.StoreAsync(
        FleetNames.Events(job.Server, job.Id), FleetConnection.Bytes(new FleetEvent(outcome.Attempt, int.MaxValue) { Outcome = outcome }, FleetJson.Default.FleetEvent), $"{job.Id}:end", cancellationToken);

    private async Task SendAsync()
    {
        await Task.Yield();
        await foreach (JobEvent first in _events.Reader.ReadAllAsync(CancellationToken.None))
        {
            // What came meanwhile goes together: pieces of a text are put together, and of steps only the last counts.
            JobEvent item = first;
            while (_events.Reader.TryPeek(out JobEvent? next) && Join(item, next) is { } joined)
            {
                _events.Reader.TryRead(out _);
                item = joined;
            }

            if (item.Preview is { Length: > MostPreviewBytes })
            {
                item = item with { Preview = null };
            }

            int number = _number++;
            try
            {
                await _connection.StoreAsync(
                    FleetNames.Events(_job.Server, _job.Id), FleetConnection.Bytes(new FleetEvent(_attempt, number) { Event = item }, FleetJson.Default.FleetEvent), $"{_job.Id}:{_attempt}:{number}", _cancellationToken);
            }
            catch (FleetException) when (item.Type is not (JobEventType.Text or JobEventType.ToolCall))
            {
                // The work goes on: nobody needs to have seen every step of it. Of a text nothing may be missing.
            }
        }
    }

    private static JobEvent? Join(JobEvent item, JobEvent next) => (item, next) switch
    {
        ({ Type: JobEventType.Text }, { Type: JobEventType.Text }) => item with { Text = item.Text + next.Text },
        ({ Type: JobEventType.Progress, Preview: null }, { Type: JobEventType.Progress }) when item.Stage == next.Stage => next,
        _ => null,
    };
}
