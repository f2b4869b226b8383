using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Server.Models;

/// <summary>The models of a server, wherever they are: in its own process (<see cref="ModelShelf"/>), or on other machines.</summary>
public interface IServedModels : IJobModels, IAsyncDisposable
{
    /// <summary>The models, in the order of their names.</summary>
    IReadOnlyList<ModelStatus> Models { get; }

    /// <summary>The most bytes that all of them may take together in this process; null for no limit.</summary>
    long? Budget { get; }

    /// <summary>The bytes that are taken in this process, by their plans.</summary>
    long TakenBytes { get; }

    /// <summary>The other machines that do jobs, in the order of their names.</summary>
    IReadOnlyList<WorkerStatus> Workers => [];

    /// <summary>Why jobs cannot be done now; null where they can.</summary>
    string? Trouble => null;
}
