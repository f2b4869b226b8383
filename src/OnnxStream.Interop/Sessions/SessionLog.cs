using Microsoft.Extensions.Logging;

namespace OnnxStream.Interop.Sessions;

/// <summary>What a session tells its logger about itself.</summary>
internal static partial class SessionLog
{
    /// <summary>The system has refused threads: fewer compute than were to.</summary>
    public static void FewerThreads(ILogger? logger, int wanted, int started)
    {
        if (logger is not null)
        {
            FewerThreadsCore(logger, wanted, started);
        }
    }

    /// <summary>The formats that were found for panels could not be written to a file: they will be looked for again.</summary>
    public static void FormatsNotKept(ILogger? logger, string path, string problem)
    {
        if (logger is not null)
        {
            FormatsNotKeptCore(logger, path, problem);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The system starts no more threads: {Started} compute instead of {Wanted}. A limit of processes (ulimit -u, or pids.max of a container) may be the reason")]
    private static partial void FewerThreadsCore(ILogger logger, int wanted, int started);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The types of panels that were chosen could not be written to {Path}: {Problem}")]
    private static partial void FormatsNotKeptCore(ILogger logger, string path, string problem);
}
