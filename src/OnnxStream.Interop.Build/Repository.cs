namespace OnnxStream.Interop.Build;

/// <summary>The repository that this program builds.</summary>
internal static class Repository
{
    /// <summary>The solution, which lies in the root.</summary>
    public const string Solution = "OnnxStream.Interop.sln";

    /// <summary>Finds the root of the repository.</summary>
    /// <param name="folder">Where to start: any folder in it.</param>
    public static string FindRoot(string folder)
    {
        DirectoryInfo? candidate = new(folder);
        while (candidate is not null && !File.Exists(Path.Combine(candidate.FullName, Solution)))
        {
            candidate = candidate.Parent;
        }

        return candidate?.FullName ?? throw new DirectoryNotFoundException($"No folder above {folder} has {Solution}.");
    }
}
