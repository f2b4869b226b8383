using OnnxStream.Interop.Pipelines;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Diffusion;

/// <summary>Turns pictures into latents: the way back of <see cref="VaeDecoder"/>.</summary>
public sealed class VaeEncoder : IDisposable
{
    private readonly ModelStage _session;
    private readonly ValueMetadata _picture;
    private readonly ValueMetadata _output;

    /// <summary>Opens the model.</summary>
    /// <param name="path">An ONNX file or a <c>model.txt</c>.</param>
    /// <param name="options">How its session computes; null for the defaults.</param>
    /// <exception cref="OnnxStreamException">The model cannot be used, or is no encoder.</exception>
    public VaeEncoder(string path, SessionOptions? options = null)
        : this(path, null, options)
    {
    }

    /// <summary>Opens the model, in the file system or in a place of <see cref="ModelFiles"/>.</summary>
    internal VaeEncoder(string path, ModelFiles? files, SessionOptions? options, Func<Model, Model>? adapt = null)
        : this(path, files, adapt) => Prepare(options);

    /// <summary>Reads what the model takes; nothing can be computed yet.</summary>
    internal VaeEncoder(string path, ModelFiles? files, Func<Model, Model>? adapt = null)
    {
        _session = new ModelStage(path, new PipelineFiles(files), adapt);
        _picture = TensorNames.Require(path, "The input for the picture", _session.Inputs, ["sample"], value => _session.Inputs.Count == 1);
        _output = TensorNames.Require(
            path, "The output with the latents", _session.Outputs, ["latent_parameters", "latent_sample"], value => _session.Outputs.Count == 1 || value.Dimensions is { Count: 4 });
    }

    /// <summary>Makes the session.</summary>
    internal void Prepare(SessionOptions? options) => _session.Prepare(options);

    /// <summary>The height in pixels that the model declares for pictures; null where it leaves that open.</summary>
    public int? Height => PictureDimension(2);

    /// <summary>The width in pixels that the model declares for pictures; null where it leaves that open.</summary>
    public int? Width => PictureDimension(3);

    /// <summary>Encodes a picture. Where the model gives a distribution, its mean is taken, so that the same picture has the same latents.</summary>
    /// <param name="planes">Planes of red, green and blue, <c>[1, 3, height, width]</c>, in the range that the decoder gives.</param>
    /// <param name="channels">The number of channels of latents.</param>
    /// <param name="cancellationToken">Cancels between operators.</param>
    /// <returns>The latents, <c>[1, channels, height, width]</c>, not yet multiplied by the model's scaling factor.</returns>
    public TensorBuffer Encode(TensorBuffer planes, int channels, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(planes);
        TensorBuffer batch = TensorBatch.Stack([planes], 0, TensorBatch.Size(_picture, 1));
        TensorBuffer input = TensorConversion.ToDeclaredType(batch.Span<float>(), batch.Shape, _picture, _session.Path);
        RunResult result = _session.Run(new Dictionary<string, TensorBuffer> { [_picture.Name] = input }, cancellationToken);
        TensorBuffer latents = TensorBatch.Item(TensorConversion.ToSingle(result[_output.Name], _session.Path), 0);
        if (latents.Shape.Rank != 4 || (latents.Shape[1] != channels && latents.Shape[1] != 2 * channels))
        {
            throw new ModelFormatException(_session.Path, $"the encoder's output is {latents.Type}; expected [1,{channels},height,width], or means and logarithms of variances with {2 * channels} channels.");
        }

        Shape shape = latents.Shape.With(1, channels);
        return TensorBuffer.Create<float>(latents.Span<float>()[..checked((int)shape.ElementCount)], shape.Dimensions);
    }

    /// <summary>Encodes a picture, whole or a tile at a time.</summary>
    internal TensorBuffer Encode(TensorBuffer planes, int channels, TileGrid grid, CancellationToken cancellationToken) => grid.Compute(planes, tile => Encode(tile, channels, cancellationToken));

    /// <summary>What encoding planes of this shape would need, <c>[1, 3, height, width]</c>.</summary>
    internal StageNeed Plan(SessionOptions? options, Shape planes) => _session.Plan(
        options,
        new Dictionary<string, TensorType> { [_picture.Name] = new(_picture.ElementType == ElementType.Undefined ? ElementType.Float32 : _picture.ElementType, planes.With(0, TensorBatch.Size(_picture, 1))) },
        1);

    /// <summary>How pictures are divided into tiles, as options and a budget decide.</summary>
    /// <param name="tiling">What is asked for.</param>
    /// <param name="latents">The latents of a picture.</param>
    /// <param name="pixels">The pixels along a side of a latent.</param>
    /// <param name="options">How the session will compute.</param>
    internal TileGrid ChooseTiles(VaeTiling tiling, Shape latents, int pixels, SessionOptions? options) => TileGrid.Choose(
        tiling, checked((int)latents[2]), checked((int)latents[3]), pixels, Height / pixels, Width / pixels,
        options?.MemoryBudget is { } budget ? (height, width) => Plan(options with { MemoryBudget = null }, new Shape(1, 3, height * pixels, width * pixels)).SmallestBudgetBytes <= budget : null);

    /// <summary>The tiles that need least memory of those that are possible.</summary>
    internal TileGrid SmallestTiles(VaeTiling tiling, Shape latents, int pixels) =>
        TileGrid.Choose(tiling, checked((int)latents[2]), checked((int)latents[3]), pixels, Height / pixels, Width / pixels, (_, _) => false);

    /// <summary>What the runs up to now took.</summary>
    public StageStatistics Statistics => new(PipelineStage.ImageEncoding, _session.Totals);

    /// <summary>Closes the model.</summary>
    public void Dispose() => _session.Dispose();

    private int? PictureDimension(int index) =>
        _picture.Dimensions is { Count: 4 } dimensions && dimensions[index].IsKnown ? checked((int)dimensions[index].Value) : null;
}
