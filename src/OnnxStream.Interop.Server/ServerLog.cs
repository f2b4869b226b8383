using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace OnnxStream.Interop.Server;

/// <summary>What is logged, as JSON, a line for each message, on standard output.</summary>
public static class ServerLog
{
    /// <summary>Makes a log for a program without a server.</summary>
    /// <param name="least">The least that is logged.</param>
    public static ILoggerFactory Create(LogLevel least) => LoggerFactory.Create(logging => Add(logging, least));

    /// <summary>Logs in place of whatever there was.</summary>
    /// <param name="logging">What is set up.</param>
    /// <param name="least">The least that is logged; of ASP.NET, warnings.</param>
    internal static void Add(ILoggingBuilder logging, LogLevel least)
    {
        logging.ClearProviders();
        logging.AddJsonConsole(console =>
        {
            console.IncludeScopes = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "O";
            console.JsonWriterOptions = new JsonWriterOptions { Indented = false };
        });
        logging.SetMinimumLevel(least);
        logging.AddFilter("Microsoft", least > LogLevel.Warning ? least : LogLevel.Warning);
    }
}
