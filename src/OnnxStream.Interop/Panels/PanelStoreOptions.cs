using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop;

/// <summary>How a session packs weights, and whether it keeps them in a file.</summary>
/// <remarks>
/// XNNPACK computes with weights in a layout of its own. With a store they are packed once and then streamed as they are;
/// without one they are packed anew in every run, which costs time but no disk space. A store belongs to one model, processor
/// and library version; one that does not match is made again.
/// </remarks>
public sealed record PanelStoreOptions
{
    private PanelStoreOptions(bool isEnabled, string? path)
    {
        IsEnabled = isEnabled;
        Path = path;
    }

    /// <summary>No store: weights are packed panel by panel in every run. The default.</summary>
    public static PanelStoreOptions Off { get; } = new(false, null);

    /// <summary>A store in the user's cache folder, made when the model is first opened if the disk has ample room.</summary>
    public static PanelStoreOptions Auto { get; } = new(true, null);

    /// <summary>Whether a store is used.</summary>
    public bool IsEnabled { get; }

    /// <summary>The file; null for one in the cache folder.</summary>
    public string? Path { get; }

    /// <summary>
    /// The type in which weights are packed, with a store and without: <see cref="ElementType.Float32"/>, <see cref="ElementType.Float16"/> or
    /// <see cref="ElementType.BFloat16"/> (half the bytes in a store, expanded before use; weights keep three or two digits), or
    /// <see cref="ElementType.Int8"/> or <see cref="ElementType.Int4"/> (a quarter and an eighth; layers are computed with integers).
    /// </summary>
    /// <remarks>Results are the same with a store and without. Without one, small models keep their panels in memory, and others round their weights in every run.</remarks>
    /// <exception cref="ArgumentException">It is another type.</exception>
    public ElementType ElementType
    {
        get => Format.StoredType;
        init => Format = PanelFormats.For(value) ?? throw new ArgumentException(
            $"Panels cannot be stored as {value}: {string.Join(", ", PanelFormats.All.Select(format => format.StoredType))} are possible.", nameof(value));
    }

    /// <summary>
    /// The types in which the panels of single weights are stored, as <c>PanelFormatSearch</c> chooses them for one model; null for none. Weights that it does not
    /// name have the <see cref="ElementType"/>. A store of another choice is made again.
    /// </summary>
    public PanelFormatTable? Formats { get; init; }

    /// <summary>Receives a report for each panel while a store is made, from any thread; null for none.</summary>
    public IProgress<PackingProgress>? Progress { get; init; }

    /// <summary>Stops the making of a store: nothing of it is left, and the session is not created (or the run not started).</summary>
    public CancellationToken CancellationToken { get; init; }

    /// <summary>How panels are packed and stored, where no table says otherwise.</summary>
    internal PanelFormat Format { get; private init; } = PanelFormats.Default;

    /// <summary>Receives what layers lose by rounding; null where that is not measured.</summary>
    internal LayerLosses? Losses { get; init; }

    /// <summary>The format of each weight.</summary>
    internal PanelFormatChoice Choice => new(Format, Formats, Losses);

    /// <summary>The folder of stores that are made automatically.</summary>
    public static string CacheFolder =>
        Environment.GetEnvironmentVariable("ONNXSTREAM_PANEL_CACHE") is { Length: > 0 } folder
            ? folder
            : System.IO.Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify), "onnxstream", "panels");

    /// <summary>A store in a file of your choice.</summary>
    /// <remarks>Plans for other shapes of inputs share the file. Packed weights that only they need go into files beside it (<c>NAME.2.panels</c>).</remarks>
    public static PanelStoreOptions File(string path) => new(true, System.IO.Path.GetFullPath(path));
}
