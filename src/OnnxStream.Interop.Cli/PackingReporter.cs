namespace OnnxStream.Interop.Cli;

/// <summary>Shows the making of a panel store in whatever display there is at the time.</summary>
internal sealed class PackingReporter : IProgress<PackingProgress>
{
    /// <summary>Where progress is shown now; null for nowhere.</summary>
    public ProgressDisplay.Reporter? Display { get; set; }

    /// <summary>Does work that may make a store in a display of its own.</summary>
    public T Show<T>(Terminal terminal, Func<T> work) => ProgressDisplay.Show(terminal, report =>
    {
        Display = report;
        try
        {
            return work();
        }
        finally
        {
            Display = null;
        }
    });

    /// <inheritdoc/>
    public void Report(PackingProgress value) => Display?.Invoke("packing weights", value.PanelCount == 0 ? 1 : (double)value.Panel / value.PanelCount);
}
