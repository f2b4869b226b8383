namespace OnnxStream.Interop;

/// <summary>What is downloaded, from where, and to where.</summary>
public sealed record ModelDownloadOptions
{
    /// <summary>What files of a repository are taken unless something else is asked for: weights that this library cannot read, pictures and notes are left.</summary>
    public static IReadOnlyList<string> UsualExcluded { get; } =
        ["*.h5", "*.msgpack", "*.ot", "*.ckpt", "*.pt", "*.pth", "*.gguf", "*pytorch_model*", "*.safetensors", "*.md", "*.png", "*.jpg", "*.gif", "*.mp4", ".git*"];

    /// <summary>The address of the hub that repositories are on; null for that of the environment (<c>HF_ENDPOINT</c>).</summary>
    public Uri? Endpoint { get; init; }

    /// <summary>Names of the files that are wanted, with <c>*</c> for any letters, folders included; empty for what the registry lists, or all but <see cref="UsualExcluded"/>.</summary>
    public IReadOnlyList<string> Included { get; init; } = [];

    /// <summary>What a model that is pulled by its address is called; null for the last part of the address.</summary>
    public string? Name { get; init; }

    /// <summary>Where it comes to.</summary>
    public LocalModels Local { get; init; } = new();

    /// <summary>How to talk to servers. A hub is given the token of <c>HF_TOKEN</c> where none is said. <see cref="HttpFilesOptions.Connections"/> is how many files come at once.</summary>
    public HttpFilesOptions Http { get; init; } = new();
}
