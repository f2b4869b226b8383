using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop;

/// <summary>A file in a folder of panel stores.</summary>
/// <param name="Path">The file.</param>
/// <param name="Length">Its size in bytes.</param>
/// <param name="LastWriteTime">When it was made, in local time.</param>
/// <param name="ModelPath">The model that it was made for; null where the file does not say.</param>
/// <param name="State">Whether it can be used.</param>
public sealed record PanelStoreFile(string Path, long Length, DateTime LastWriteTime, string? ModelPath, PanelStoreState State)
{
    /// <summary>The stores in a folder and what was left behind of unfinished ones, oldest first. Other files are not listed.</summary>
    /// <param name="folder">The folder; it need not exist.</param>
    public static IReadOnlyList<PanelStoreFile> FindAll(string folder)
    {
        DirectoryInfo directory = new(folder);
        return !directory.Exists ? [] :
        [
            .. directory.EnumerateFiles($"*{PanelStorePart.Extension}").Select(file =>
                PanelStorePart.TryReadModelPath(file.FullName) is { } model ? Describe(file, model, PanelStoreState.Complete) : Describe(file, null, PanelStoreState.Unknown))
            .Concat(directory.EnumerateFiles($"*{PanelStorePart.Extension}.*{PanelStorePart.PartialExtension}").Select(file =>
                Describe(file, null, PanelStorePart.IsBeingWritten(file.FullName) ? PanelStoreState.BeingWritten : PanelStoreState.LeftBehind)))
            .OrderBy(file => file.LastWriteTime).ThenBy(file => file.Path, StringComparer.Ordinal),
        ];
    }

    private static PanelStoreFile Describe(FileInfo file, string? modelPath, PanelStoreState state) => new(file.FullName, file.Length, file.LastWriteTime, modelPath, state);
}
