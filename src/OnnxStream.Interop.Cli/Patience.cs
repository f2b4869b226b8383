namespace OnnxStream.Interop.Cli;

/// <summary>How long the tool waits for a command to end after a signal, before it ends without it.</summary>
internal static class Patience
{
    /// <summary>What cannot be interrupted (a read that waits, one long step) has so long to end by itself; a server has longer.</summary>
    public static TimeSpan AfterSignal { get; set; } = TimeSpan.FromMilliseconds(500);
}
