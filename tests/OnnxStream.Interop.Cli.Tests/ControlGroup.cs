using System.Globalization;

namespace OnnxStream.Interop.Cli.Tests;

/// <summary>A control group of Linux that limits how many processes and threads there are in it.</summary>
internal sealed class ControlGroup : IDisposable
{
    // Of version 1, and of version 2.
    private static readonly string[] s_roots = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"];

    private readonly string _folder;

    private ControlGroup(string folder) => _folder = folder;

    /// <summary>What starts a program in the group.</summary>
    public string[] Wrapper => ["sh", "-c", $"echo $$ > '{_folder}/cgroup.procs' && exec \"$@\"", "sh"];

    /// <summary>Makes one; skips the test where that is not allowed.</summary>
    public static ControlGroup Make()
    {
        foreach (string root in s_roots)
        {
            string folder = $"{root}/onnxstream-tests-{Environment.ProcessId.ToString(CultureInfo.InvariantCulture)}";
            try
            {
                Directory.CreateDirectory(folder);
                ControlGroup group = new(folder);
                group.Limit(100);
                return group;
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                if (Directory.Exists(folder))
                {
                    Directory.Delete(folder);
                }
            }
        }

        Assert.Ignore("control groups of processes cannot be made here");
        throw new InvalidOperationException();
    }

    /// <summary>Sets the limit.</summary>
    public void Limit(int processes)
    {
        // A file that is not there would be made in a folder that is no control group.
        using FileStream file = new($"{_folder}/pids.max", FileMode.Open, FileAccess.Write);
        file.Write(System.Text.Encoding.ASCII.GetBytes(processes.ToString(CultureInfo.InvariantCulture)));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // What was in it may end a moment later than its parent hears.
        for (int attempt = 0; Directory.Exists(_folder); attempt++)
        {
            try
            {
                Directory.Delete(_folder);
            }
            catch (IOException) when (attempt < 100)
            {
                Thread.Sleep(20);
            }
        }
    }
}
