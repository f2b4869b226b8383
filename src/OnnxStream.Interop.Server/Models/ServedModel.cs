using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Server.Models;

/// <summary>A model of the shelf: what it can do, what it needs, and how it does jobs. Several jobs may call it at once.</summary>
internal abstract class ServedModel(string name, string folder)
{
    /// <summary>The name by which clients ask for it: that of its folder.</summary>
    public string Name { get; } = name;

    /// <summary>Its folder; clients never see it.</summary>
    public string Folder { get; } = folder;

    /// <summary>When its newest file was written, which clients see as the time of its making.</summary>
    public DateTimeOffset Created { get; } = new DirectoryInfo(folder).LastWriteTimeUtc;

    /// <summary>The kinds of jobs that it does.</summary>
    public abstract IReadOnlyList<JobKind> Kinds { get; }

    /// <summary>What of it stays in memory between jobs, in bytes, where it is open; 0 where nothing does.</summary>
    public abstract long OpenBytes { get; }

    /// <summary>Facts of it that clients may see.</summary>
    public abstract ModelFacts Facts { get; }

    /// <summary>Checks a job and plans it, before anything is loaded.</summary>
    /// <returns>What the job takes while it is being done, in bytes, besides <see cref="OpenBytes"/>.</returns>
    /// <exception cref="JobRefusedException">It makes no sense.</exception>
    public abstract long Plan(JobRequest request);

    /// <summary>Does a job. Whatever must be open is opened, and stays open.</summary>
    /// <param name="work">The job, with what was reserved for it by its plan.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public abstract JobResult Run(JobWork work, CancellationToken cancellationToken);

    /// <summary>Lets go of what stays between jobs. No job is being done.</summary>
    public abstract void Close();

    /// <summary>A refusal of a parameter.</summary>
    protected static JobRefusedException Wrong(string param, string message) =>
        new(new JobError("invalid_request", message) { Param = param }, RefusalReason.Request);
}
