namespace OnnxStream.Interop;

/// <summary>A file or folder that is deleted unless it is kept: at the end of its scope, and when the process ends before (a signal, a call of <see cref="Environment.Exit"/>).</summary>
internal sealed class UnfinishedPath : IDisposable
{
    /// <summary>Watches over a path; nothing need be there.</summary>
    public UnfinishedPath(string path)
    {
        Path = path;
        AppDomain.CurrentDomain.ProcessExit += Delete;
    }

    /// <summary>The file or folder.</summary>
    public string Path { get; }

    /// <summary>Deletes what is there: whoever moved it to its place has left nothing.</summary>
    public void Dispose()
    {
        // The event would keep this alive, and with it a load context that a host wants to unload.
        AppDomain.CurrentDomain.ProcessExit -= Delete;
        Delete();
    }

    private void Delete()
    {
        if (Directory.Exists(Path))
        {
            Directory.Delete(Path, recursive: true);
        }
        else
        {
            File.Delete(Path);
        }
    }

    // Others may still be writing: what cannot be deleted stays, and the process ends all the same.
    private void Delete(object? sender, EventArgs arguments)
    {
        try
        {
            Delete();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
        }
    }
}
