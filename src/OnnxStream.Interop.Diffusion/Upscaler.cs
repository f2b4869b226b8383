using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Diffusion;

/// <summary>Makes pictures larger with a network such as ESRGAN, a tile at a time, so that memory does not grow with the picture.</summary>
/// <remarks>
/// The network takes <c>[1, 3, height, width]</c>, red, green and blue from 0 to 1, of any size or of a fixed one, and gives the same some whole number of times larger. Neighbouring tiles
/// overlap, and of each only what is far enough from its edges is used, as far as the picture has more behind them.
/// </remarks>
public sealed class Upscaler : IDisposable
{
    /// <summary>The side of a tile where the network takes any size, in pixels.</summary>
    public const int UsualTile = 128;

    // Networks of this kind look a few dozen pixels far, and hardly at the outer ones.
    private const int Overlap = 16;

    private readonly ModelStage _session;
    private readonly ValueMetadata _input;
    private readonly ValueMetadata _output;
    private readonly SessionOptions? _options;
    private bool _isPrepared;

    /// <summary>Reads the model; its session is made when the first picture comes.</summary>
    /// <param name="path">An ONNX file or a <c>model.txt</c>.</param>
    /// <param name="options">How its session computes; null for the defaults.</param>
    /// <exception cref="OnnxStreamException">The model cannot be used, or is no network of this kind.</exception>
    public Upscaler(string path, SessionOptions? options = null)
    {
        _session = new ModelStage(path, new PipelineFiles(null));
        _options = options;
        _input = Only("input", _session.Inputs);
        _output = Only("output", _session.Outputs);
        TileHeight = Side(2);
        TileWidth = Side(3);

        ValueMetadata Only(string what, IReadOnlyList<ValueMetadata> values) =>
            values is [{ Dimensions: null or [_, { IsKnown: false } or { Value: 3 }, _, _] } only] && only.ElementType is ElementType.Float32 or ElementType.Float16
                ? values[0]
                : throw new ModelFormatException(path, $"this is no network that makes pictures larger: it should have one {what}, float [1,3,height,width], and has {string.Join(", ", values)}.");
    }

    /// <summary>The height of a tile in pixels, if the network has a fixed one.</summary>
    public int? TileHeight { get; }

    /// <summary>The width of a tile in pixels, if the network has a fixed one.</summary>
    public int? TileWidth { get; }

    /// <summary>Makes a picture larger.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="progress">Is told the part that is done, from 0 to 1, after each tile; null for none.</param>
    /// <param name="cancellationToken">Cancels between operators.</param>
    /// <exception cref="ModelFormatException">The network does not give a picture that is some whole number of times larger.</exception>
    public RgbImage Upscale(RgbImage image, IProgress<double>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (!_isPrepared)
        {
            _session.Prepare(_options);
            _isPrepared = true;
        }

        float[] planes = image.ToPlanes(0, 1);
        (int height, int width) = TileOf(image.Height, image.Width);
        int[] rows = Starts(image.Height, height), columns = Starts(image.Width, width);
        RgbImage? result = null;
        int scale = 0, done = 0;
        foreach (int top in rows)
        {
            foreach (int left in columns)
            {
                TensorBuffer output = Run(Cut(planes, image.Width, image.Height, (top, left), (height, width)), height, width, cancellationToken);
                if (result is null)
                {
                    scale = ScaleOf(output.Shape, height, width);
                    result = new RgbImage(checked(image.Width * scale), checked(image.Height * scale));
                }

                (int firstRow, int endRow) = Used(rows, top, height, image.Height);
                (int firstColumn, int endColumn) = Used(columns, left, width, image.Width);
                Paste(output.Span<float>(), result, scale, (height, width), (top, left), (firstRow, endRow), (firstColumn, endColumn));
                progress?.Report((double)++done / (rows.Length * columns.Length));
            }
        }

        return result!;
    }

    /// <summary>What making pictures larger would need. Nothing is computed.</summary>
    /// <param name="width">The width of a picture in pixels.</param>
    /// <param name="height">The height of a picture in pixels.</param>
    /// <param name="pictures">The number of pictures.</param>
    public StagePlan Plan(int width, int height, int pictures)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(pictures, 1);
        (int tileHeight, int tileWidth) = TileOf(height, width);
        ElementType type = _input.ElementType == ElementType.Undefined ? ElementType.Float32 : _input.ElementType;
        StageNeed need = _session.Plan(_options, new Dictionary<string, TensorType> { [_input.Name] = new(type, new Shape(TensorBatch.Size(_input, 1), 3, tileHeight, tileWidth)) }, 1);
        int tiles = Starts(height, tileHeight).Length * Starts(width, tileWidth).Length;
        StagePlan plan = StagePlan.Of(PipelineStage.Upscaling, "upscaler", _session.Path, [.. Enumerable.Repeat(1, checked(pictures * tiles))], need);
        return tiles == 1 ? plan : plan with { TileWidth = tileWidth, TileHeight = tileHeight };
    }

    /// <summary>What the runs up to now took.</summary>
    public StageStatistics Statistics => new(PipelineStage.Upscaling, _session.Totals);

    /// <inheritdoc/>
    public void Dispose() => _session.Dispose();

    /// <summary>Where tiles begin along a side, so that they overlap and the last one ends with the picture.</summary>
    internal static int[] Starts(int length, int tile)
    {
        int step = Math.Max(1, tile - (2 * Overlap));
        List<int> starts = [0];
        while (starts[^1] + tile < length)
        {
            starts.Add(Math.Min(starts[^1] + step, length - tile));
        }

        return [.. starts];
    }

    /// <summary>The pixels that are taken of a tile: to the middle of where it overlaps with its neighbours, and all where it has none.</summary>
    internal static (int First, int End) Used(int[] starts, int start, int tile, int length)
    {
        int index = Array.IndexOf(starts, start);
        int first = index == 0 ? 0 : (starts[index - 1] + tile + start) / 2;
        int end = index == starts.Length - 1 ? length : (start + tile + starts[index + 1]) / 2;
        return (first, end);
    }

    private TensorBuffer Run(float[] tile, int height, int width, CancellationToken cancellationToken)
    {
        TensorBuffer batch = TensorBatch.Stack([TensorBuffer.Create<float>(tile, 1, 3, height, width)], 0, TensorBatch.Size(_input, 1));
        TensorBuffer input = TensorConversion.ToDeclaredType(batch.Span<float>(), batch.Shape, _input, _session.Path);
        RunResult result = _session.Run(new Dictionary<string, TensorBuffer> { [_input.Name] = input }, cancellationToken);
        return TensorBatch.Item(TensorConversion.ToSingle(result[_output.Name], _session.Path), 0);
    }

    // Where a picture is smaller than a tile, its last pixels go on.
    private static float[] Cut(float[] planes, int width, int height, (int Top, int Left) at, (int Height, int Width) size)
    {
        float[] tile = new float[3 * size.Height * size.Width];
        for (int channel = 0; channel < 3; channel++)
        {
            for (int y = 0; y < size.Height; y++)
            {
                int row = ((channel * height) + Math.Min(at.Top + y, height - 1)) * width;
                for (int x = 0; x < size.Width; x++)
                {
                    tile[(((channel * size.Height) + y) * size.Width) + x] = planes[row + Math.Min(at.Left + x, width - 1)];
                }
            }
        }

        return tile;
    }

    private int ScaleOf(Shape shape, int height, int width)
    {
        long scale = shape.Rank == 4 ? shape[2] / height : 0;
        return scale is >= 1 and <= 64 && shape[1] == 3 && shape[2] == scale * height && shape[3] == scale * width
            ? (int)scale
            : throw new ModelFormatException(_session.Path, $"the network makes {shape} of [1,3,{height},{width}]; expected three channels, and sides some whole number of times as long.");
    }

    private static void Paste(ReadOnlySpan<float> planes, RgbImage result, int scale, (int Height, int Width) size, (int Top, int Left) at, (int First, int End) rows, (int First, int End) columns)
    {
        int width = size.Width * scale, plane = size.Height * scale * width;
        for (int y = rows.First * scale; y < rows.End * scale; y++)
        {
            for (int x = columns.First * scale; x < columns.End * scale; x++)
            {
                int from = ((y - (at.Top * scale)) * width) + x - (at.Left * scale), to = 3 * ((y * result.Width) + x);
                for (int channel = 0; channel < 3; channel++)
                {
                    float value = planes[(channel * plane) + from];
                    result.Pixels[to + channel] = (byte)Math.Clamp(MathF.Round(float.IsNaN(value) ? 0 : value * 255), 0, 255);
                }
            }
        }
    }

    private (int Height, int Width) TileOf(int height, int width) => (TileHeight ?? Math.Min(UsualTile, height), TileWidth ?? Math.Min(UsualTile, width));

    private int? Side(int dimension) => _input.Dimensions is { Count: 4 } dimensions && dimensions[dimension].IsKnown ? checked((int)Math.Max(1, dimensions[dimension].Value)) : null;
}
