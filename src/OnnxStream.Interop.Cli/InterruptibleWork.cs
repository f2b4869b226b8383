namespace OnnxStream.Interop.Cli;

/// <summary>Work that Ctrl+C stops without ending the tool, such as an answer in a conversation.</summary>
internal static class InterruptibleWork
{
    private static CancellationTokenSource? s_current;

    /// <summary>Does work that may be stopped.</summary>
    /// <param name="work">The work; its token is cancelled by Ctrl+C as well.</param>
    /// <param name="cancellationToken">Ends the tool.</param>
    /// <returns>Whether it came to its end.</returns>
    public static bool Run(Action<CancellationToken> work, CancellationToken cancellationToken)
    {
        using CancellationTokenSource source = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Volatile.Write(ref s_current, source);
        try
        {
            work(source.Token);
            return true;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
        finally
        {
            Volatile.Write(ref s_current, null);
        }
    }

    /// <summary>Stops the work that is being done.</summary>
    /// <returns>Whether there is any that was not stopped before.</returns>
    public static bool TryStop()
    {
        CancellationTokenSource? source = Volatile.Read(ref s_current);
        try
        {
            if (source is null || source.IsCancellationRequested)
            {
                return false;
            }

            source.Cancel();
            return true;
        }
        catch (ObjectDisposedException)
        {
            // It has just come to its end.
            return true;
        }
    }
}
