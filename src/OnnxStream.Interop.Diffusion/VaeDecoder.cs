using OnnxStream.Interop.Pipelines;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Diffusion;

/// <summary>The third stage: turns latents into a picture.</summary>
public sealed class VaeDecoder : IDisposable
{
    private readonly ModelStage _session;
    private readonly ValueMetadata _latents;
    private readonly ValueMetadata _output;

    /// <summary>Opens the model.</summary>
    /// <param name="path">An ONNX file or a <c>model.txt</c>.</param>
    /// <param name="options">How its session computes; null for the defaults.</param>
    /// <exception cref="OnnxStreamException">The model cannot be used, or is no decoder.</exception>
    public VaeDecoder(string path, SessionOptions? options = null)
        : this(path, null, options)
    {
    }

    /// <summary>Opens the model, in the file system or in a place of <see cref="ModelFiles"/>.</summary>
    internal VaeDecoder(string path, ModelFiles? files, SessionOptions? options, Func<Model, Model>? adapt = null)
        : this(path, files, adapt) => Prepare(options);

    /// <summary>Reads what the model takes; nothing can be computed yet.</summary>
    internal VaeDecoder(string path, ModelFiles? files, Func<Model, Model>? adapt = null)
    {
        _session = new ModelStage(path, new PipelineFiles(files), adapt);
        _latents = TensorNames.Require(path, "The input for latents", _session.Inputs, ["latent_sample"], value => _session.Inputs.Count == 1);
        _output = TensorNames.Require(
            path, "The output with the picture", _session.Outputs, ["sample"], value => _session.Outputs.Count == 1 || value.Dimensions is { Count: 4 });
    }

    /// <summary>Makes the session.</summary>
    internal void Prepare(SessionOptions? options) => _session.Prepare(options);

    /// <summary>The height that the model declares for latents; null where it leaves that open.</summary>
    public int? LatentHeight => LatentDimension(2);

    /// <summary>The width that the model declares for latents; null where it leaves that open.</summary>
    public int? LatentWidth => LatentDimension(3);

    /// <summary>Decodes the latents of one picture.</summary>
    /// <param name="latents">The latents, <c>[1, channels, height, width]</c>, already divided by the model's scaling factor.</param>
    /// <param name="cancellationToken">Cancels between operators.</param>
    /// <returns>Planes of red, green and blue, <c>[1, 3, height, width]</c>.</returns>
    public TensorBuffer Decode(TensorBuffer latents, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(latents);
        TensorBuffer batch = TensorBatch.Stack([latents], 0, TensorBatch.Size(_latents, 1));
        TensorBuffer input = TensorConversion.ToDeclaredType(batch.Span<float>(), batch.Shape, _latents, _session.Path);
        RunResult result = _session.Run(new Dictionary<string, TensorBuffer> { [_latents.Name] = input }, cancellationToken);
        TensorBuffer picture = TensorBatch.Item(TensorConversion.ToSingle(result[_output.Name], _session.Path), 0);
        return picture.Shape is { Rank: 4 } shape && shape[1] == 3
            ? picture
            : throw new ModelFormatException(_session.Path, $"the decoder's output is {picture.Type}; expected [1,3,height,width].");
    }

    /// <summary>Decodes the latents of one picture, whole or a tile at a time.</summary>
    internal TensorBuffer Decode(TensorBuffer latents, TileGrid grid, CancellationToken cancellationToken) => grid.Compute(latents, tile => Decode(tile, cancellationToken));

    /// <summary>What decoding latents of this shape would need, <c>[1, channels, height, width]</c>.</summary>
    internal StageNeed Plan(SessionOptions? options, Shape latents) => _session.Plan(
        options,
        new Dictionary<string, TensorType> { [_latents.Name] = new(_latents.ElementType == ElementType.Undefined ? ElementType.Float32 : _latents.ElementType, latents.With(0, TensorBatch.Size(_latents, 1))) },
        1);

    /// <summary>How pictures are divided into tiles, as options and a budget decide.</summary>
    /// <param name="tiling">What is asked for.</param>
    /// <param name="latents">The latents of a picture.</param>
    /// <param name="pixels">The pixels along a side of a latent.</param>
    /// <param name="options">How the session will compute.</param>
    internal TileGrid ChooseTiles(VaeTiling tiling, Shape latents, int pixels, SessionOptions? options) => TileGrid.Choose(
        tiling, checked((int)latents[2]), checked((int)latents[3]), pixels, LatentHeight, LatentWidth,
        options?.MemoryBudget is { } budget ? (height, width) => Plan(options with { MemoryBudget = null }, latents.With(2, height).With(3, width)).SmallestBudgetBytes <= budget : null);

    /// <summary>The tiles that need least memory of those that are possible.</summary>
    internal TileGrid SmallestTiles(VaeTiling tiling, Shape latents, int pixels) =>
        TileGrid.Choose(tiling, checked((int)latents[2]), checked((int)latents[3]), pixels, LatentHeight, LatentWidth, (_, _) => false);

    /// <summary>What the runs up to now took.</summary>
    public StageStatistics Statistics => new(PipelineStage.Decoding, _session.Totals);

    /// <summary>Closes the model.</summary>
    public void Dispose() => _session.Dispose();

    private int? LatentDimension(int index) =>
        _latents.Dimensions is { Count: 4 } dimensions && dimensions[index].IsKnown ? checked((int)dimensions[index].Value) : null;
}
