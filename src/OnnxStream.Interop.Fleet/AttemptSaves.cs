using NATS.Client.Core;
using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Fleet;

/// <summary>What there is of a picture, in the store for files. The newest state is stored beside the work; those that came meanwhile are left out.</summary>
internal sealed class AttemptSaves(FleetConnection connection, string job, byte[]? last, WorkerOptions options, CancellationToken cancellationToken) : IJobSaves
{
    private readonly Lock _lock = new();
    private byte[]? _next;
    private Task _storing = Task.CompletedTask;
    private long _stored = Environment.TickCount64;
    private bool _isStoring;

    /// <inheritdoc/>
    public byte[]? Last { get; } = last;

    /// <inheritdoc/>
    public int Interval => options.SaveInterval;

    /// <inheritdoc/>
    public void Keep(byte[] state)
    {
        lock (_lock)
        {
            _next = state;
            if (!_isStoring && Environment.TickCount64 - _stored >= options.SavePause.TotalMilliseconds)
            {
                _isStoring = true;
                _storing = Task.Run(StoreAsync, CancellationToken.None);
            }
        }
    }

    /// <summary>Waits for what is being stored; stores what is newer if the job goes to another.</summary>
    public async Task EndAsync(bool isHandedOn)
    {
        await _storing;
        if (isHandedOn && _next is not null)
        {
            await StoreAsync();
        }
    }

    private async Task StoreAsync()
    {
        byte[] state;
        lock (_lock)
        {
            (state, _next) = (_next!, null);
        }

        try
        {
            await connection.WriteFileAsync(FleetNames.SavedFile(job), state, cancellationToken);
        }
        catch (Exception exception) when (exception is NatsException or IOException or OperationCanceledException)
        {
            // The work goes on; whoever comes after begins with what was stored before.
        }

        lock (_lock)
        {
            _isStoring = false;
            _stored = Environment.TickCount64;
        }
    }
}
