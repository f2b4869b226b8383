namespace OnnxStream.Interop.Benchmarks.Sd15;

/// <summary>The denoising network: convolutions and attention at four resolutions, down and up again. 2,050 nodes.</summary>
internal sealed record UnetNetwork() : Network("unet")
{
    private const float Epsilon = 1e-5f;
    private const float AttentionEpsilon = 1e-6f;
    private const int LatentChannels = 4;
    private const int BlocksPerLevel = 2;

    /// <summary>The channels of each resolution.</summary>
    public IReadOnlyList<int> Channels { get; init; } = [320, 640, 1280, 1280];

    public int Heads { get; init; } = 8;

    public int Groups { get; init; } = 32;

    public int ContextWidth { get; init; } = 768;

    public int TokenCount { get; init; } = 77;

    /// <summary>The height and width of the image, in latents.</summary>
    public int Size { get; init; } = 64;

    public override void Build(GraphBuilder graph)
    {
        Layers root = graph.Root;
        GraphValue sample = graph.Input("sample", graph.Type, 1, LatentChannels, Size, Size);
        GraphValue timestep = graph.Input("timestep", ElementType.Float32, 1);
        GraphValue context = graph.Input("encoder_hidden_states", graph.Type, 1, TokenCount, ContextWidth);
        GraphValue embedding = EmbedTime(graph, timestep);

        // All blocks take the embedding through the same activation: the first one computes it.
        GraphValue? activated = null;
        GraphValue Time(Layers layer) => activated ??= layer.Silu(embedding);

        GraphValue x = root.Conv("conv_in", sample, Channels[0], 3);
        Stack<GraphValue> skips = new([x]);
        for (int level = 0; level < Channels.Count; level++)
        {
            bool isLast = level == Channels.Count - 1;
            Layers block = root[$"down_blocks.{level}"];
            for (int i = 0; i < BlocksPerLevel; i++)
            {
                x = block[$"resnets.{i}"].ResnetBlock(x, Channels[level], Groups, Epsilon, Time);
                if (!isLast)
                {
                    x = Transformer(block[$"attentions.{i}"], x, context);
                }

                skips.Push(x);
            }

            if (!isLast)
            {
                x = block["downsampler"].Conv("conv", x, Channels[level], 3, stride: 2);
                skips.Push(x);
            }
        }

        x = root["mid_res1"].ResnetBlock(x, Channels[^1], Groups, Epsilon, Time);
        x = Transformer(root["mid_attn"], x, context);
        x = root["mid_res2"].ResnetBlock(x, Channels[^1], Groups, Epsilon, Time);
        for (int level = 0; level < Channels.Count; level++)
        {
            Layers block = root[$"up_blocks.{level}"];
            for (int i = 0; i < BlocksPerLevel + 1; i++)
            {
                x = block[$"resnets.{i}"].ResnetBlock(block.Concat(1, x, skips.Pop()), Channels[^(level + 1)], Groups, Epsilon, Time);
                if (level > 0)
                {
                    x = Transformer(block[$"attentions.{i}"], x, context);
                }
            }

            if (level < Channels.Count - 1)
            {
                x = block["upsampler"].Upsample(x);
            }
        }

        x = root.Silu(root.GroupNorm("conv_norm_out", x, Groups, Epsilon));
        graph.Output("out_sample", root.Conv("conv_out", x, LatentChannels, 3));
    }

    // In single precision, whatever the weights are: sines and cosines of the time at falling frequencies, the cosines first, through two linear layers.
    private GraphValue EmbedTime(GraphBuilder graph, GraphValue timestep)
    {
        Layers root = graph.Root;
        int half = Channels[0] / 2;
        float[] frequencies = new float[half];
        for (int i = 0; i < half; i++)
        {
            frequencies[i] = MathF.Exp(-MathF.Log(10000) * i / half);
        }

        GraphValue angles = root.Mul(root.Unsqueeze(timestep, 1), graph.Constant<float>(frequencies, 1, half));
        GraphValue waves = root.Concat(-1, root.Unary("Sin", angles), root.Unary("Cos", angles));
        GraphValue flipped = root.Concat(-1, root.SliceColumns(waves, half, long.MaxValue), root.SliceColumns(waves, 0, half));
        return root.Gemm("time_2", root.Silu(root.Gemm("time_1", root.ToWeightType(flipped), 4 * Channels[0])), 4 * Channels[0]);
    }

    // The pixels as tokens that attend to each other, then to the text.
    private GraphValue Transformer(Layers layer, GraphValue image, GraphValue context)
    {
        long channels = image.Shape[1];
        long height = image.Shape[2];
        long width = image.Shape[3];
        GraphValue projected = layer.Conv("proj_in", layer.GroupNorm("norm", image, Groups, AttentionEpsilon), channels, 1);
        GraphValue x = layer.Reshape(layer.Transpose(projected, 0, 2, 3, 1), 1, height * width, channels);

        Layers block = layer["transformer_blocks.0"];
        GraphValue normalized = block.LayerNorm("norm1", x);
        x = block.Add(block["attn1"].CrossAttention(normalized, normalized, Heads), x);
        x = block.Add(block["attn2"].CrossAttention(block.LayerNorm("norm2", x), context, Heads), x);
        GraphValue gated = block["ff_in"].Geglu(block.LayerNorm("norm3", x), 4 * channels);
        x = block.Add(block.Linear("ff_out", gated, channels, isResidual: true), x);

        GraphValue pixels = layer.Transpose(layer.Reshape(x, 1, height, width, channels), 0, 3, 1, 2);
        return layer.Add(layer.Conv("proj_out", pixels, channels, 1, isResidual: true), image);
    }
}
