namespace OnnxStream.Interop.Build.Verbs;

/// <summary>Removes what was built.</summary>
internal static class CleanVerb
{
    private const string Folder = "artifacts";

    /// <summary>Runs the verb.</summary>
    public static void Run()
    {
        if (!Directory.Exists(Folder))
        {
            return;
        }

        if (!OperatingSystem.IsWindows())
        {
            Directory.Delete(Folder, recursive: true);
            return;
        }

        // Windows does not remove a program that runs: this one stays.
        foreach (FileSystemInfo entry in new DirectoryInfo(Folder).EnumerateFileSystemInfos())
        {
            if (entry is not DirectoryInfo folder)
            {
                entry.Delete();
            }
            else if (!AppContext.BaseDirectory.StartsWith(folder.FullName + Path.DirectorySeparatorChar, StringComparison.OrdinalIgnoreCase))
            {
                folder.Delete(recursive: true);
            }
        }
    }
}
