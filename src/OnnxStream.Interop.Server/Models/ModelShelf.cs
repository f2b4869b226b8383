using Microsoft.Extensions.Logging;
using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Server.Models;

/// <summary>The models of a server: which there are, which are open, and who has how much of the memory that all share.</summary>
/// <remarks>
/// A model is opened by its first job, and let go when nobody has used it for a while or another needs the room. What a model keeps between jobs and what a job
/// takes are counted by their plans, before anything is loaded; sessions are then held to what was counted.
/// </remarks>
public sealed partial class ModelShelf : IServedModels
{
    private readonly ModelShelfOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Dictionary<string, Place> _places = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();
    private readonly ITimer _timer;
    private readonly ModelGauges _gauges;

    /// <summary>Finds the models.</summary>
    /// <param name="options">Where they are, and what they may take.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Is told of each model.</param>
    /// <exception cref="DirectoryNotFoundException">A folder does not exist.</exception>
    /// <exception cref="OnnxStreamException">A folder that was named holds no model.</exception>
    public ModelShelf(ModelShelfOptions options, TimeProvider time, ILogger<ModelShelf> logger)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        _options = options;
        _time = time;
        _logger = logger;
        foreach (ServedModel model in ModelFolders.Find(options, LogSkipped))
        {
            if (!_places.TryAdd(model.Name, new Place(model)))
            {
                throw new ArgumentException($"There are two models of the name '{model.Name}', in {_places[model.Name].Model.Folder} and {model.Folder}. Clients ask for models by the names of their folders: rename one.", nameof(options));
            }

            LogFound(model.Name, model.Kinds.Count);
        }

        TimeSpan period = TimeSpan.FromTicks(Math.Clamp(options.IdleTime.Ticks / 4, TimeSpan.TicksPerSecond / 10, TimeSpan.TicksPerMinute));
        _timer = time.CreateTimer(_ => CloseIdle(), null, period, period);
        _gauges = new ModelGauges(this);
    }

    /// <inheritdoc/>
    public long? Budget => _options.Budget;

    /// <inheritdoc/>
    public long TakenBytes
    {
        get
        {
            lock (_lock)
            {
                return Taken();
            }
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<ModelStatus> Models
    {
        get
        {
            lock (_lock)
            {
                return [.. _places.Values.OrderBy(place => place.Model.Name, StringComparer.Ordinal).Select(place => place.Status)];
            }
        }
    }

    /// <inheritdoc/>
    public (string Model, long Bytes) Examine(JobRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        ServedModel model = Find(request);
        long bytes = model.Plan(request);
        if (_options.Budget is { } budget && bytes + model.OpenBytes > budget)
        {
            throw new JobRefusedException(
                new JobError("insufficient_memory", $"By its plan this needs {bytes + model.OpenBytes:N0} bytes; the server may use {budget:N0} for models. Ask for less (a smaller picture), or have the server started with more --memory."), RefusalReason.Memory);
        }

        return (model.Name, bytes);
    }

    /// <inheritdoc/>
    public IDisposable? TryReserve(string model, long bytes)
    {
        lock (_lock)
        {
            Place place = _places[model];
            long needed = bytes + (place.IsOpen ? 0 : place.Model.OpenBytes);
            if (_options.Budget is { } budget)
            {
                // Those that were used last go last.
                foreach (Place idle in _places.Values.Where(other => other != place && other is { IsOpen: true, JobCount: 0 } && other.Model.OpenBytes > 0).OrderBy(other => other.LastUsed).ToArray())
                {
                    if (Taken() + needed <= budget)
                    {
                        break;
                    }

                    Close(idle);
                }

                if (Taken() + needed > budget)
                {
                    return null;
                }
            }

            place.IsOpen = true;
            place.JobCount++;
            place.JobBytes += bytes;
            return new Reservation(this, place, bytes);
        }
    }

    /// <inheritdoc/>
    public Task<JobResult> RunAsync(JobWork work, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(work);

        // It computes for seconds or hours: on a thread of its own.
        return Task.Factory.StartNew(() => Run(work, cancellationToken), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Closes all models. No job may be being done.</summary>
    public async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync();
        _gauges.Dispose();
        lock (_lock)
        {
            foreach (Place place in _places.Values.Where(place => place.IsOpen))
            {
                Close(place);
            }
        }
    }

    private JobResult Run(JobWork work, CancellationToken cancellationToken)
    {
        try
        {
            return _places[work.Model].Model.Run(work, cancellationToken);
        }
        catch (Exception exception) when (exception is MemoryBudgetException or NativeMemoryException)
        {
            LogMemory(exception, work.Model);
            throw new JobRefusedException(new JobError("insufficient_memory", exception.Message), RefusalReason.Memory, exception);
        }
        catch (Exception exception) when (exception is OnnxStreamException or IOException or UnauthorizedAccessException)
        {
            // What these say names files of the server.
            LogModelFailure(exception, work.Model);
            throw new JobRefusedException(new JobError("model_error", $"The model '{work.Model}' cannot do this. The server's log says why."), RefusalReason.Request, exception);
        }
    }

    private ServedModel Find(JobRequest request)
    {
        if (request.Model is null)
        {
            return _places.Values.Select(place => place.Model).Where(model => model.Kinds.Contains(request.Kind)).MinBy(model => model.Name, StringComparer.Ordinal) ??
                throw new JobRefusedException(new JobError("model_not_found", $"The server has no model for this ({request.Kind})."), RefusalReason.Model);
        }

        if (!_places.TryGetValue(request.Model, out Place? place))
        {
            throw new JobRefusedException(new JobError("model_not_found", $"The model '{Shorten(request.Model)}' does not exist. There are: {Names(request.Kind)}.") { Param = "model" }, RefusalReason.Model);
        }

        return place.Model.Kinds.Contains(request.Kind) ? place.Model : throw new JobRefusedException(
            new JobError("model_not_supported", $"The model '{place.Model.Name}' cannot do this ({request.Kind}). Those that can: {Names(request.Kind)}.") { Param = "model" }, RefusalReason.Request);
    }

    private string Names(JobKind kind)
    {
        string names = string.Join(", ", _places.Values.Where(place => place.Model.Kinds.Contains(kind)).Select(place => place.Model.Name).Order(StringComparer.Ordinal));
        return names.Length > 0 ? names : "none";
    }

    private static string Shorten(string text) => text.Length <= 80 ? text : $"{text[..80]}…";

    private void CloseIdle()
    {
        lock (_lock)
        {
            foreach (Place place in _places.Values.Where(place => place is { IsOpen: true, JobCount: 0 } && _time.GetUtcNow() - place.LastUsed >= _options.IdleTime).ToArray())
            {
                Close(place);
            }
        }
    }

    private void Close(Place place)
    {
        place.Model.Close();
        place.IsOpen = false;
        LogClosed(place.Model.Name);
    }

    private long Taken() => _places.Values.Sum(place => place.JobBytes + (place.IsOpen ? place.Model.OpenBytes : 0));

    private void GiveBack(Place place, long bytes)
    {
        lock (_lock)
        {
            place.JobCount--;
            place.JobBytes -= bytes;
            place.LastUsed = _time.GetUtcNow();
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Found the model {Model} ({Kinds} kinds of jobs).")]
    private partial void LogFound(string model, int kinds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The folder {Folder} holds no model that can be served: {Reason}")]
    private partial void LogSkipped(string folder, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "Let go of the model {Model}.")]
    private partial void LogClosed(string model);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The model {Model} had too little memory.")]
    private partial void LogMemory(Exception exception, string model);

    [LoggerMessage(Level = LogLevel.Error, Message = "The model {Model} failed.")]
    private partial void LogModelFailure(Exception exception, string model);

    private sealed class Place(ServedModel model)
    {
        public ServedModel Model { get; } = model;

        public bool IsOpen { get; set; }

        public int JobCount { get; set; }

        public long JobBytes { get; set; }

        public DateTimeOffset LastUsed { get; set; }

        public ModelStatus Status => new(Model.Name, Model.Kinds, Model.Created, IsOpen, JobCount, IsOpen ? Model.OpenBytes : 0, JobBytes, Model.Facts);
    }

    private sealed class Reservation(ModelShelf shelf, Place place, long bytes) : IDisposable
    {
        private int _isGivenBack;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isGivenBack, 1) == 0)
            {
                shelf.GiveBack(place, bytes);
            }
        }
    }
}
