using OnnxStream.Interop.Diffusion.Adapters;

namespace OnnxStream.Interop.Diffusion;

/// <summary>The encoder of the VAE, open for pictures of a size, whole or in tiles.</summary>
internal sealed class EncodingStage : IDisposable
{
    private readonly PipelineConfiguration _configuration;
    private readonly VaeEncoder _encoder;
    private readonly TileGrid _tiles;
    private readonly Shape _planes;

    /// <summary>Opens it.</summary>
    /// <param name="configuration">The model, which has an encoder.</param>
    /// <param name="tiling">Whether it works in tiles.</param>
    /// <param name="latents">The latents of a picture, <c>[1, channels, height, width]</c>.</param>
    /// <param name="options">How it computes.</param>
    public EncodingStage(PipelineConfiguration configuration, VaeTiling tiling, Shape latents, SessionOptions? options)
    {
        _configuration = configuration;
        _planes = new Shape(1, 3, latents[2] * configuration.PixelsPerLatent, latents[3] * configuration.PixelsPerLatent);
        _encoder = new VaeEncoder(configuration.VaeEncoderPath!, configuration.Files, configuration.Adaptation(PipelineComponent.VaeEncoder, []));
        try
        {
            _tiles = _encoder.ChooseTiles(tiling, latents, configuration.PixelsPerLatent, options);
            _encoder.Prepare(options);
        }
        catch
        {
            _encoder.Dispose();
            throw;
        }
    }

    /// <summary>What the runs up to now took.</summary>
    public StageStatistics Statistics => _encoder.Statistics;

    /// <summary>Encodes a picture.</summary>
    /// <param name="planes">All red, then all green, then all blue, in the range that the decoder gives.</param>
    /// <param name="cancellationToken">Cancels between operators.</param>
    /// <returns>The latents, as the UNET has them.</returns>
    public float[] Encode(float[] planes, CancellationToken cancellationToken)
    {
        TensorBuffer encoded = _encoder.Encode(TensorBuffer.Create<float>(planes, _planes.Dimensions), _configuration.LatentChannels, _tiles, cancellationToken);
        return Array.ConvertAll(encoded.Span<float>().ToArray(), value => value * _configuration.ScalingFactor);
    }

    /// <inheritdoc/>
    public void Dispose() => _encoder.Dispose();
}
