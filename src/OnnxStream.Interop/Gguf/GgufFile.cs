using System.Numerics;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Gguf;

/// <summary>What a GGUF file says of itself: metadata, and the places of its tensors. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md</summary>
/// <remarks>Versions 2 and 3 are read. Nothing of the file is in memory but this; long lists, such as vocabularies, are read when they are asked for.</remarks>
public sealed class GgufFile
{
    /// <summary>The ending of the names of such files.</summary>
    public const string Extension = ".gguf";

    private const uint Magic = 0x46554747;
    private const int MostEntries = 1 << 20;
    private const int MostDimensions = 4;
    private const int DefaultAlignment = 32;

    private static readonly Dictionary<uint, ElementType> s_plainTypes = new()
    {
        [0] = ElementType.Float32,
        [1] = ElementType.Float16,
        [24] = ElementType.Int8,
        [25] = ElementType.Int16,
        [26] = ElementType.Int32,
        [27] = ElementType.Int64,
        [28] = ElementType.Float64,
        [30] = ElementType.BFloat16,
    };

    // Types that are refused by name.
    private static readonly Dictionary<uint, string> s_otherTypes = new()
    {
        [9] = "q8_1", [10] = "q2_k", [11] = "q3_k", [15] = "q8_k", [16] = "iq2_xxs", [17] = "iq2_xs", [18] = "iq3_xxs", [19] = "iq1_s", [20] = "iq4_nl", [21] = "iq3_s", [22] = "iq2_s", [23] = "iq4_xs", [29] = "iq1_m",
        [34] = "tq1_0", [35] = "tq2_0", [39] = "mxfp4",
    };

    private readonly Dictionary<string, object> _metadata = new(StringComparer.Ordinal);
    private readonly Dictionary<string, GgufTensor> _tensors = new(StringComparer.Ordinal);

    private GgufFile(WeightSource source)
    {
        Source = source;
        long length;
        try
        {
            length = source.CheckedLength();
            using Stream stream = source.OpenStream();
            Read(new GgufCursor(stream, 0, length, source.Id), length);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new WeightsException($"{source.Id}: the file cannot be read: {exception.Message.TrimEnd('.')}.", exception);
        }
    }

    /// <summary>The file.</summary>
    public string Path => Source.Id;

    /// <summary>The family of the model (<c>general.architecture</c>), such as <c>llama</c>; the empty text where it is not said.</summary>
    public string Architecture => FindText("general.architecture") ?? "";

    /// <summary>The names of all metadata.</summary>
    public IReadOnlyCollection<string> Keys => _metadata.Keys;

    /// <summary>The tensors, in the order of the file.</summary>
    public IReadOnlyCollection<GgufTensor> Tensors => _tensors.Values;

    /// <summary>Where the bytes come from.</summary>
    internal WeightSource Source { get; }

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelFormatException">It is damaged, of another version, or no GGUF file.</exception>
    /// <exception cref="WeightsException">It cannot be read.</exception>
    public static GgufFile Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return File.Exists(path) ? Read(new FileSource(path)) : throw new FileNotFoundException($"There is no file '{path}'.", path);
    }

    /// <summary>A text; null where there is none.</summary>
    /// <param name="key">The name of the value.</param>
    /// <exception cref="ModelFormatException">The value is something else.</exception>
    public string? FindText(string key) => Find<string>(key, "a text");

    /// <summary>A truth value; null where there is none.</summary>
    /// <inheritdoc cref="FindText"/>
    public bool? FindFlag(string key) => _metadata.TryGetValue(key, out object? value) ? value as bool? ?? throw Wrong(key, "true or false", value) : null;

    /// <summary>A whole number; null where there is none.</summary>
    /// <inheritdoc cref="FindText"/>
    public long? FindInteger(string key) => _metadata.TryGetValue(key, out object? value) ? value as long? ?? throw Wrong(key, "a whole number", value) : null;

    /// <summary>A number; null where there is none.</summary>
    /// <inheritdoc cref="FindText"/>
    public double? FindNumber(string key) =>
        !_metadata.TryGetValue(key, out object? value) ? null : value is double or long ? Convert.ToDouble(value, System.Globalization.CultureInfo.InvariantCulture) : throw Wrong(key, "a number", value);

    /// <summary>A list of texts; null where there is none. It is read from the file each time.</summary>
    /// <inheritdoc cref="FindText"/>
    public IReadOnlyList<string>? FindTexts(string key) => FindList(key, "a list of texts", type => type is GgufType.Text, value => (string)value);

    /// <summary>A list of whole numbers; null where there is none. It is read from the file each time.</summary>
    /// <inheritdoc cref="FindText"/>
    public IReadOnlyList<long>? FindIntegers(string key) =>
        FindList(key, "a list of whole numbers", type => type is not (GgufType.Text or GgufType.List or GgufType.Float32 or GgufType.Float64 or GgufType.Bool), value => value as long? ?? long.MaxValue);

    /// <summary>A list of numbers; null where there is none. It is read from the file each time.</summary>
    /// <inheritdoc cref="FindText"/>
    public IReadOnlyList<float>? FindNumbers(string key) => FindList(key, "a list of numbers", type => type is GgufType.Float32 or GgufType.Float64, value => (float)(double)value);

    /// <summary>Whether the value is a list.</summary>
    /// <param name="key">The name of the value.</param>
    public bool IsList(string key) => _metadata.GetValueOrDefault(key) is GgufList;

    /// <summary>The tensor of a name; null if there is none.</summary>
    /// <param name="name">The name.</param>
    public GgufTensor? FindTensor(string name) => _tensors.GetValueOrDefault(name);

    /// <summary>Whether a file of this name is taken for one.</summary>
    internal static bool IsName(string name) => name.EndsWith(Extension, StringComparison.OrdinalIgnoreCase);

    /// <summary>Reads a file from anywhere.</summary>
    internal static GgufFile Read(WeightSource source) => new(source);

    /// <summary>The exception for something that the file says.</summary>
    internal ModelFormatException Error(string problem) => new(Path, problem);

    private void Read(GgufCursor cursor, long length)
    {
        if (length < sizeof(uint) || cursor.UInt32("the first bytes") != Magic)
        {
            throw Error($"not a GGUF file: it does not begin with 'GGUF'.{(length < sizeof(uint) ? "" : ForeignFile.Sentence(Source))}");
        }

        uint version = cursor.UInt32("the version");
        if (version is not (2 or 3))
        {
            throw Error((version & 0xffff) == 0 && version != 0
                ? "the file is written for processors of the other byte order; only little-endian files are read."
                : $"the file has version {version} of the format; 2 and 3 are read. Convert the model anew with a current version of llama.cpp.");
        }

        long tensors = cursor.Count("the number of tensors", MostEntries);
        long entries = cursor.Count("the number of metadata", MostEntries);
        for (long i = 0; i < entries; i++)
        {
            string key = cursor.Text("the name of a value");
            if (!_metadata.TryAdd(key, cursor.Value((GgufType)cursor.UInt32($"the type of '{key}'"), $"'{key}'")))
            {
                throw Error($"the file has two values named '{key}'.");
            }
        }

        if (FindInteger("split.count") is > 1 and var parts)
        {
            throw Error($"the model is divided into {parts} files, which is not supported. llama.cpp's 'llama-gguf-split --merge' makes one of them.");
        }

        long alignment = FindInteger("general.alignment") ?? DefaultAlignment;
        if (alignment is < 1 or > 1 << 20 || !BitOperations.IsPow2(alignment))
        {
            throw Error($"general.alignment is {alignment}; it must be a power of two up to {1 << 20:N0}.");
        }

        List<(string Name, uint Type, long[] Dimensions, long Offset)> infos = [];
        for (long i = 0; i < tensors; i++)
        {
            string name = cursor.Text("the name of a tensor");
            uint rank = cursor.UInt32($"the number of dimensions of '{name}'");
            if (rank is 0 or > MostDimensions)
            {
                throw cursor.Error($"the tensor '{name}' has {rank} dimensions; 1 to {MostDimensions} are possible");
            }

            long[] dimensions = new long[rank];
            for (int j = 0; j < rank; j++)
            {
                dimensions[rank - 1 - j] = cursor.Count($"a dimension of '{name}'", int.MaxValue);
            }

            infos.Add((name, cursor.UInt32($"the type of '{name}'"), dimensions, cursor.Count($"the place of '{name}'", length)));
        }

        long start = (cursor.Position + alignment - 1) / alignment * alignment;
        foreach ((string name, uint type, long[] dimensions, long offset) in infos)
        {
            Add(name, type, dimensions, offset, start, alignment, length);
        }
    }

    private void Add(string name, uint type, long[] dimensions, long offset, long start, long alignment, long length)
    {
        BlockEncoding? encoding = BlockEncoding.All.FirstOrDefault(encoding => encoding.Code == type);
        if (encoding is null && !s_plainTypes.ContainsKey(type))
        {
            throw Error($"the tensor '{name}' has numbers of type {(s_otherTypes.TryGetValue(type, out string? other) ? other : $"{type}")}, which is not supported. " +
                $"Supported are f32, f16, bf16, {string.Join(", ", BlockEncoding.All.Select(known => known.Name))}.");
        }

        ElementType stored = encoding?.Type ?? s_plainTypes[type];
        Int128 elements = 1;
        foreach (long dimension in dimensions)
        {
            elements = Int128.Min(long.MaxValue, elements * dimension);
        }

        if (elements == 0 || elements > int.MaxValue * 1024L || (encoding is not null && dimensions[^1] % encoding.Elements != 0))
        {
            throw Error($"the tensor '{name}' has the impossible shape [{string.Join(',', dimensions)}]{(encoding is null ? "" : $" for blocks of {encoding.Elements} numbers")}.");
        }

        long bytes = encoding?.BytesOf((long)elements) ?? (long)elements * stored.SizeOf();
        if (offset % alignment != 0 || bytes > length - start - offset)
        {
            throw Error($"the tensor '{name}' should lie at bytes {start + offset:N0} to {start + offset + bytes:N0}, but {(offset % alignment != 0 ? $"its place is no multiple of {alignment}" : $"the file ends at {length:N0}. It may be downloaded in part")}.");
        }

        if (!_tensors.TryAdd(name, new GgufTensor(name, encoding?.Name ?? Named(stored), new Shape(dimensions), start + offset, bytes) { StoredType = stored }))
        {
            throw Error($"the file has two tensors named '{name}'.");
        }
    }

    private static string Named(ElementType type) => type switch
    {
        ElementType.Float32 => "f32",
        ElementType.Float16 => "f16",
        ElementType.BFloat16 => "bf16",
        ElementType.Float64 => "f64",
        _ => type.ToOnnxName(),
    };

    private T? Find<T>(string key, string expected)
        where T : class => _metadata.TryGetValue(key, out object? value) ? value as T ?? throw Wrong(key, expected, value) : null;

    private List<T>? FindList<T>(string key, string expected, Func<GgufType, bool> isExpected, Func<object, T> convert)
    {
        if (Find<GgufList>(key, expected) is not { } list)
        {
            return null;
        }

        if (!isExpected(list.Type))
        {
            throw Error($"'{key}' should be {expected}, found a list of {list.Type}.");
        }

        try
        {
            using Stream stream = Source.OpenStream();
            GgufCursor cursor = new(stream, list.Offset, list.Offset + list.Length, Path);
            List<T> values = [];
            for (int i = 0; i < list.Count; i++)
            {
                values.Add(convert(cursor.Value(list.Type, $"'{key}'")));
            }

            return values;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new WeightsException($"{Path}: the file cannot be read: {exception.Message.TrimEnd('.')}.", exception);
        }
    }

    private ModelFormatException Wrong(string key, string expected, object found) =>
        Error($"'{key}' should be {expected}, found {(found is GgufList list ? $"a list of {list.Count:N0}" : found is string text ? $"'{text[..Math.Min(text.Length, 60)]}'" : Convert.ToString(found, System.Globalization.CultureInfo.InvariantCulture))}.");
}
