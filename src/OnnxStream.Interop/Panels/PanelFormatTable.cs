using System.Globalization;
using System.IO.Hashing;
using System.Text;
using System.Text.Json;
using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop;

/// <summary>The types in which the weights of one model are packed: one for each layer. Immutable.</summary>
/// <remarks>
/// <c>PanelFormatSearch</c> makes tables, and keeps them in files. A table may be made by hand as well. Two tables are equal if they give the same
/// types to the same weights: what was predicted and measured is only told.
/// </remarks>
public sealed class PanelFormatTable : IEquatable<PanelFormatTable>
{
    /// <summary>How the names of files end in which <c>PanelFormatSearch</c> keeps tables.</summary>
    public const string Extension = ".formats";

    private const int Version = 1;

    // A table names a few hundred weights. What is larger is something else.
    private const long MostBytes = 64 << 20;

    private readonly Dictionary<string, ElementType> _types = [];

    /// <summary>Makes a table.</summary>
    /// <param name="layers">The weights and their types.</param>
    /// <exception cref="ArgumentException">A weight is named twice, or panels cannot be stored as one of the types.</exception>
    public PanelFormatTable(IEnumerable<PanelFormatLayer> layers)
    {
        ArgumentNullException.ThrowIfNull(layers);
        Layers = [.. layers];
        foreach (PanelFormatLayer layer in Layers)
        {
            if (PanelFormats.For(layer.ElementType) is null)
            {
                throw new ArgumentException($"Panels of '{layer.WeightName}' cannot be stored as {layer.ElementType}: {string.Join(", ", PanelFormats.All.Select(format => format.StoredType))} are possible.", nameof(layers));
            }

            if (!_types.TryAdd(layer.WeightName, layer.ElementType))
            {
                throw new ArgumentException($"The weight '{layer.WeightName}' is named twice.", nameof(layers));
            }
        }

        byte[] text = Encoding.UTF8.GetBytes(string.Concat(Layers.OrderBy(layer => layer.WeightName, StringComparer.Ordinal).Select(layer => $"{layer.WeightName}\n{layer.ElementType}\n")));
        Identity = XxHash128.HashToUInt128(text).ToString("x32", CultureInfo.InvariantCulture);
    }

    /// <summary>The weights that the table names, in the order in which the model uses them.</summary>
    public IReadOnlyList<PanelFormatLayer> Layers { get; }

    /// <summary>The error that was asked for: the root mean square of the outputs' differences from single precision, as a part of that of the outputs; null where none was.</summary>
    public double? TargetError { get; init; }

    /// <summary>The error that was measured with these types, likewise; null where none was.</summary>
    public double? MeasuredError { get; init; }

    /// <summary>What the table was made for (<c>PanelFormatSearch.Identity</c>); null where nothing is known of it.</summary>
    public string? MadeFor { get; init; }

    /// <summary>What distinguishes the table from others: weights and types.</summary>
    internal string Identity { get; }

    /// <summary>The type of a weight; null if the table does not name it.</summary>
    public ElementType? Find(string weightName) => _types.TryGetValue(weightName, out ElementType type) ? type : null;

    /// <summary>Reads a table that <see cref="Save"/> wrote.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelFormatException">It is not a table.</exception>
    public static PanelFormatTable Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"There is no table of panel formats '{path}'.", path);
        }

        try
        {
            if (new FileInfo(path).Length > MostBytes)
            {
                throw new ModelFormatException(path, $"a table of panel formats has at most {MostBytes:N0} bytes.");
            }

            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            JsonElement root = document.RootElement;
            if (root.GetProperty("version").GetInt32() is var version && version != Version)
            {
                throw new ModelFormatException(path, $"this is a table of panel formats of version {version}, expected {Version}.");
            }

            return new PanelFormatTable(root.GetProperty("layers").EnumerateArray().Select(ReadLayer))
            {
                TargetError = ReadNumber(root, "targetError"),
                MeasuredError = ReadNumber(root, "measuredError"),
                MadeFor = root.TryGetProperty("madeFor", out JsonElement madeFor) ? madeFor.GetString() : null,
            };
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw new ModelFormatException(path, $"this is not a table of panel formats: {exception.Message}", exception);
        }
    }

    /// <summary>Writes the table as JSON.</summary>
    /// <param name="path">The file. It appears only when it is complete.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartObject();
            writer.WriteNumber("version", Version);
            WriteIfKnown(writer, "targetError", TargetError);
            WriteIfKnown(writer, "measuredError", MeasuredError);
            if (MadeFor is not null)
            {
                writer.WriteString("madeFor", MadeFor);
            }

            writer.WriteStartArray("layers");
            foreach (PanelFormatLayer layer in Layers)
            {
                writer.WriteStartObject();
                writer.WriteString("weight", layer.WeightName);
                writer.WriteString("type", layer.ElementType.ToString());
                WriteIfKnown(writer, "predictedError", layer.PredictedError);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        path = Path.GetFullPath(path);
        string partial = $"{path}.{Environment.ProcessId}.{Guid.NewGuid():N}.partial";
        using UnfinishedPath unfinished = new(partial);
        File.WriteAllBytes(partial, stream.ToArray());
        File.Move(partial, path, overwrite: true);
    }

    /// <inheritdoc/>
    public bool Equals(PanelFormatTable? other) => other?.Identity == Identity;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PanelFormatTable);

    /// <inheritdoc/>
    public override int GetHashCode() => Identity.GetHashCode(StringComparison.Ordinal);

    private static PanelFormatLayer ReadLayer(JsonElement layer)
    {
        string type = layer.GetProperty("type").GetString() ?? "";
        PanelFormat format = PanelFormats.All.FirstOrDefault(format => format.StoredType.ToString() == type) ?? throw new FormatException($"'{type}' is no type of panels.");
        return new PanelFormatLayer(layer.GetProperty("weight").GetString() ?? throw new FormatException("a weight has no name."), format.StoredType) { PredictedError = ReadNumber(layer, "predictedError") };
    }

    private static double? ReadNumber(JsonElement element, string name) => element.TryGetProperty(name, out JsonElement number) ? number.GetDouble() : null;

    private static void WriteIfKnown(Utf8JsonWriter writer, string name, double? number)
    {
        if (number is { } known && double.IsFinite(known))
        {
            writer.WriteNumber(name, known);
        }
    }
}

/// <summary>The type in which one weight is packed.</summary>
/// <param name="WeightName">The name of the weight in the model.</param>
/// <param name="ElementType">The type. A weight that it does not take is packed in another one, as with <see cref="PanelStoreOptions.ElementType"/>.</param>
public sealed record PanelFormatLayer(string WeightName, ElementType ElementType)
{
    /// <summary>What the layer adds to the error of the outputs, by prediction: errors add as squares. Null where nothing was predicted.</summary>
    public double? PredictedError { get; init; }
}
