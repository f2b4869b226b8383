using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Http;

/// <summary>The files of a server, and which of them somebody looked for and found.</summary>
/// <param name="files">The files.</param>
internal sealed class RecordingFiles(HttpFiles files) : ModelFiles(files.Id)
{
    private readonly Dictionary<string, DownloadFile> _found = new(StringComparer.Ordinal);

    /// <summary>What was found.</summary>
    public IReadOnlyCollection<DownloadFile> Found => _found.Values;

    /// <inheritdoc/>
    protected override WeightSource? FindCore(string name)
    {
        if (files.Find(name) is not { } source)
        {
            return null;
        }

        HttpSource file = (HttpSource)source;

        // A server that says neither ETag nor time gives nothing to tell versions by.
        _found[name] = new DownloadFile(name, file.Address) { Length = file.Length, Version = file.Version.EndsWith("@unknown", StringComparison.Ordinal) ? null : file.Version };
        return source;
    }
}
