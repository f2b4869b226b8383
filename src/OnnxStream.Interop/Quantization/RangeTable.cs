using System.Text.Json;
using OnnxStream.Interop.Quantization;

namespace OnnxStream.Interop;

/// <summary>The ranges of the values of one model that 8 bits are to cover. Immutable.</summary>
/// <remarks><see cref="Calibration"/> finds ranges; a table may be made by hand as well. It is kept as JSON, or as the <c>range_data.txt</c> of OnnxStream, which has ranges by the names of nodes.</remarks>
public sealed class RangeTable
{
    private const int Version = 1;

    // A table names a few thousand values. What is larger is something else.
    private const long MostBytes = 64 << 20;

    private readonly Dictionary<string, ValueRange> _ranges = [];

    /// <summary>Makes a table.</summary>
    /// <param name="ranges">The values and their ranges.</param>
    /// <exception cref="ArgumentException">A value is named twice, or a range is none: its ends are not finite, or the least number is larger than the greatest.</exception>
    public RangeTable(IEnumerable<ValueRange> ranges)
    {
        ArgumentNullException.ThrowIfNull(ranges);
        Ranges = [.. ranges];
        foreach (ValueRange range in Ranges)
        {
            if (!float.IsFinite(range.Minimum) || !float.IsFinite(range.Maximum) || range.Minimum > range.Maximum)
            {
                throw new ArgumentException($"The range of '{range.Name}' is from {range.Minimum} to {range.Maximum}; expected two finite numbers, the smaller one first.", nameof(ranges));
            }

            if (!_ranges.TryAdd(range.Name, range))
            {
                throw new ArgumentException($"The value '{range.Name}' has two ranges.", nameof(ranges));
            }
        }
    }

    /// <summary>The values and their ranges.</summary>
    public IReadOnlyList<ValueRange> Ranges { get; }

    /// <summary>How the ranges were found; null where that is not known.</summary>
    public CalibrationMethod? Method { get; init; }

    /// <summary>From how many samples; null where that is not known.</summary>
    public int? SampleCount { get; init; }

    /// <summary>What the table was made for; null where that is not known.</summary>
    internal string? ModelIdentity { get; init; }

    /// <summary>The range of a value; null if the table does not name it.</summary>
    public ValueRange? Find(string name) => _ranges.GetValueOrDefault(name);

    /// <summary>Reads a table: JSON that <see cref="Save"/> wrote, or a <c>range_data.txt</c> of OnnxStream (any file whose name ends with <c>.txt</c>).</summary>
    /// <param name="path">The file.</param>
    /// <param name="model">The model that the ranges are for.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelFormatException">It is not a table, or one for another model.</exception>
    public static RangeTable Load(string path, Model model)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(model);
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"There is no table of ranges '{path}'.", path);
        }

        if (new FileInfo(path).Length > MostBytes)
        {
            throw new ModelFormatException(path, $"a table of ranges has at most {MostBytes:N0} bytes.");
        }

        if (IsText(path))
        {
            return OnnxStreamRanges.Load(path, model);
        }

        RangeTable table = LoadJson(path);
        return table.ModelIdentity is not { } made || made == Quantization.ModelIdentity.Of(model.Graph) ? table :
            throw new ModelFormatException(path, $"the ranges were found for another model than '{model.Path}': names, shapes or weights differ. 'onnxstream calibrate' (or {nameof(Calibration)}) finds those of this one.");
    }

    /// <summary>Writes the table as JSON, or, if the name ends with <c>.txt</c>, as a <c>range_data.txt</c> of OnnxStream.</summary>
    /// <param name="path">The file. It appears only when it is complete.</param>
    /// <param name="model">The model that the ranges are for: its nodes give the names of a <c>range_data.txt</c>.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnsupportedOperatorException">A node has a name that a <c>range_data.txt</c> cannot hold.</exception>
    public void Save(string path, Model model)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(model);
        byte[] bytes = IsText(path) ? OnnxStreamRanges.Write(this, model) : WriteJson(model);
        path = Path.GetFullPath(path);
        string partial = $"{path}.{Environment.ProcessId}.{Guid.NewGuid():N}.partial";
        using UnfinishedPath unfinished = new(partial);
        File.WriteAllBytes(partial, bytes);
        File.Move(partial, path, overwrite: true);
    }

    private static bool IsText(string path) => path.EndsWith(".txt", StringComparison.OrdinalIgnoreCase);

    private static RangeTable LoadJson(string path)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            JsonElement root = document.RootElement;
            if (root.GetProperty("version").GetInt32() is var version && version != Version)
            {
                throw new ModelFormatException(path, $"this is a table of ranges of version {version}, expected {Version}.");
            }

            return new RangeTable(root.GetProperty("ranges").EnumerateArray().Select(ReadRange))
            {
                Method = root.TryGetProperty("method", out JsonElement method) ? ReadMethod(method.GetString()) : null,
                SampleCount = root.TryGetProperty("samples", out JsonElement samples) ? samples.GetInt32() : null,
                ModelIdentity = root.TryGetProperty("model", out JsonElement model) ? model.GetString() : null,
            };
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw new ModelFormatException(path, $"this is not a table of ranges: {exception.Message.Split(" (Parameter")[0]}", exception);
        }
    }

    private static CalibrationMethod ReadMethod(string? name) => name switch
    {
        "min-max" => CalibrationMethod.MinMax,
        "percentile" => CalibrationMethod.Percentile,
        "entropy" => CalibrationMethod.Entropy,
        "mse" => CalibrationMethod.MeanSquaredError,
        _ => throw new FormatException($"'{name}' is no method of calibration."),
    };

    private static string NameOf(CalibrationMethod method) => method switch
    {
        CalibrationMethod.Percentile => "percentile",
        CalibrationMethod.Entropy => "entropy",
        CalibrationMethod.MeanSquaredError => "mse",
        _ => "min-max",
    };

    private static ValueRange ReadRange(JsonElement range) =>
        new(range.GetProperty("value").GetString() ?? throw new FormatException("a value has no name."), range.GetProperty("minimum").GetSingle(), range.GetProperty("maximum").GetSingle())
        {
            ObservedMinimum = range.TryGetProperty("observedMinimum", out JsonElement least) ? least.GetSingle() : null,
            ObservedMaximum = range.TryGetProperty("observedMaximum", out JsonElement greatest) ? greatest.GetSingle() : null,
            Loss = !range.TryGetProperty("loss", out JsonElement loss) ? null : loss.GetDouble() is >= 0 and var known && double.IsFinite(known) ? known : throw new FormatException("a loss is not a number of at least 0."),
        };

    private byte[] WriteJson(Model model)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            writer.WriteStartObject();
            writer.WriteNumber("version", Version);
            writer.WriteString("model", ModelIdentity ?? Quantization.ModelIdentity.Of(model.Graph));
            if (Method is { } method)
            {
                writer.WriteString("method", NameOf(method));
            }

            if (SampleCount is { } samples)
            {
                writer.WriteNumber("samples", samples);
            }

            writer.WriteStartArray("ranges");
            foreach (ValueRange range in Ranges)
            {
                writer.WriteStartObject();
                writer.WriteString("value", range.Name);
                writer.WriteNumber("minimum", range.Minimum);
                writer.WriteNumber("maximum", range.Maximum);
                if (range is { ObservedMinimum: { } least, ObservedMaximum: { } greatest })
                {
                    writer.WriteNumber("observedMinimum", least);
                    writer.WriteNumber("observedMaximum", greatest);
                }

                if (range.Loss is { } loss && double.IsFinite(loss))
                {
                    writer.WriteNumber("loss", loss);
                }

                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return stream.ToArray();
    }
}
