namespace OnnxStream.Interop;

/// <summary>A file that can be brought to this machine, and what is known of it.</summary>
/// <param name="Name">Its name in the model's folder: relative, with folders separated by <c>/</c>.</param>
/// <param name="Address">Where it is.</param>
public sealed record DownloadFile(string Name, Uri Address)
{
    /// <summary>The number of bytes; null where nobody has said it.</summary>
    public long? Length { get; init; }

    /// <summary>
    /// What its bytes are checked with: their SHA-256 in 64 hexadecimal digits, or the name that git gives a file of these bytes (SHA-1) in 40. Null where nobody has said either.
    /// </summary>
    public string? Hash { get; init; }

    /// <summary>What the server says that changes with the bytes; null where it says nothing.</summary>
    internal string? Version { get; init; }

    /// <summary>The name, if a file of a model may have it.</summary>
    /// <param name="name">The name.</param>
    /// <param name="list">Where it stands, for messages.</param>
    /// <exception cref="ModelFormatException">It leads out of the folder, or is one that not all file systems take.</exception>
    internal static string CheckName(string? name, string list) =>
        string.IsNullOrEmpty(name) || name.AsSpan().ContainsAny("\\:\0") || name.Split('/').Any(part => part is "" or "." or "..")
            ? throw new ModelFormatException(list, $"the file name '{name}' leaves the model's folder, or is none. Nothing is downloaded.")
            : name;

    /// <summary>The hash in lower case, if it is one.</summary>
    /// <param name="hash">The hash.</param>
    /// <param name="list">Where it stands, for messages.</param>
    /// <exception cref="ModelFormatException">It is none.</exception>
    internal static string CheckHash(string? hash, string list) =>
        hash is { Length: 40 or 64 } && hash.All(char.IsAsciiHexDigit) ? hash.ToLowerInvariant() : throw new ModelFormatException(list, $"'{hash}' is no hash: expected 64 (SHA-256) or 40 (git) hexadecimal digits.");
}
