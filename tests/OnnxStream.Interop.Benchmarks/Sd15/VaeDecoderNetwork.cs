namespace OnnxStream.Interop.Benchmarks.Sd15;

/// <summary>What turns latents into pixels: convolutions at four resolutions, attention at the lowest. 276 nodes.</summary>
internal sealed record VaeDecoderNetwork() : Network("vae_decoder")
{
    private const float Epsilon = 1e-6f;
    private const int LatentChannels = 4;
    private const int BlocksPerLevel = 3;

    /// <summary>The channels of each resolution, the highest first.</summary>
    public IReadOnlyList<int> Channels { get; init; } = [128, 256, 512, 512];

    public int Groups { get; init; } = 32;

    /// <summary>The height and width of the latents; those of the picture are eight times as many.</summary>
    public int Size { get; init; } = 64;

    public override void Build(GraphBuilder graph)
    {
        Layers root = graph.Root;
        GraphValue latents = graph.Input("latent_sample", graph.Type, 1, LatentChannels, Size, Size);
        GraphValue x = root.Conv("conv_in", root.Conv("post_quant_conv", latents, LatentChannels, 1), Channels[^1], 3);
        x = root["mid_res1"].ResnetBlock(x, Channels[^1], Groups, Epsilon);
        x = Attention(root["mid_attn"], x);
        x = root["mid_res2"].ResnetBlock(x, Channels[^1], Groups, Epsilon);
        for (int level = 0; level < Channels.Count; level++)
        {
            Layers block = root[$"up_blocks.{level}"];
            for (int i = 0; i < BlocksPerLevel; i++)
            {
                x = block[$"resnets.{i}"].ResnetBlock(x, Channels[^(level + 1)], Groups, Epsilon);
            }

            if (level < Channels.Count - 1)
            {
                x = block["upsampler"].Upsample(x);
            }
        }

        x = root.Silu(root.GroupNorm("conv_norm_out", x, Groups, Epsilon));
        graph.Output("sample", root.Conv("conv_out", x, 3, 3));
    }

    // One head, and 1x1 convolutions where other spellings have linear layers.
    private GraphValue Attention(Layers layer, GraphValue image)
    {
        long channels = image.Shape[1];
        long pixels = image.Shape[2] * image.Shape[3];
        GraphValue normalized = layer.GroupNorm("norm", image, Groups, Epsilon);
        GraphValue q = layer.Conv("q", normalized, channels, 1);
        GraphValue k = layer.Conv("k", normalized, channels, 1);
        GraphValue v = layer.Conv("v", normalized, channels, 1);
        GraphValue queries = layer.Transpose(layer.Reshape(q, 1, channels, pixels), 0, 2, 1);
        GraphValue scores = layer.Mul(layer.MatMul(queries, layer.Reshape(k, 1, channels, pixels)), layer.Scalar(1 / MathF.Sqrt(channels)));
        GraphValue weights = layer.Softmax(scores, 2);
        GraphValue values = layer.Reshape(v, 1, channels, pixels);
        GraphValue result = layer.MatMul(values, layer.Transpose(weights, 0, 2, 1));
        return layer.Add(image, layer.Conv("proj_out", layer.Reshape(result, [.. image.Shape]), channels, 1, isResidual: true));
    }
}
