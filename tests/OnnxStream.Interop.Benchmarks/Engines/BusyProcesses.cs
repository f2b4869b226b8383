using System.Diagnostics;

namespace OnnxStream.Interop.Benchmarks.Engines;

/// <summary>Processes that compute all the time, so that engines are measured on a machine that others use as well.</summary>
internal sealed class BusyProcesses : IDisposable
{
    private readonly List<Process> _processes = [];

    public BusyProcesses(int count)
    {
        for (int i = 0; i < count; i++)
        {
            ProcessStartInfo start = OwnProcess.CreateStartInfo([Commands.BusyCommand.CommandName]);
            start.RedirectStandardInput = true;
            _processes.Add(Process.Start(start) ?? throw new InvalidOperationException($"{start.FileName} did not start."));
        }
    }

    /// <summary>Ends them. They would also end with this process, whose end of their input is closed then.</summary>
    public void Dispose()
    {
        foreach (Process process in _processes)
        {
            process.Kill();
            process.WaitForExit();
            process.Dispose();
        }
    }
}
