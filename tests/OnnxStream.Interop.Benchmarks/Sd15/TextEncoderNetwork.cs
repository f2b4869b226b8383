namespace OnnxStream.Interop.Benchmarks.Sd15;

/// <summary>The text tower of CLIP ViT-L/14: 12 layers with causal attention and quick-GELU. 672 nodes.</summary>
internal sealed record TextEncoderNetwork() : Network("text_encoder")
{
    private const int LayerCount = 12;

    public int Width { get; init; } = 768;

    public int Heads { get; init; } = 12;

    public int InnerWidth { get; init; } = 3072;

    public int VocabularySize { get; init; } = 49408;

    public int TokenCount { get; init; } = 77;

    public override void Build(GraphBuilder graph)
    {
        Layers root = graph.Root;
        GraphValue ids = root.Reshape(graph.Input("input_ids", ElementType.Int64, 1, TokenCount), 1, TokenCount);
        GraphValue table = graph.Weight("token_embedding.weight", Distribution.Embedding, VocabularySize, Width);
        GraphValue tokens = graph.Node("/token_embedding", "Gather", [table, ids], [1, TokenCount, Width]);

        // The exporter gathered the positions' rows when it folded constants.
        GraphValue x = root.Add(tokens, graph.Weight("position_embedding.weight", Distribution.Embedding, 1, TokenCount, Width));
        GraphValue mask = CausalMask(graph);
        for (int i = 0; i < LayerCount; i++)
        {
            Layers layer = root[$"layers.{i}"];
            x = layer.Add(x, Attention(layer["self_attn"], layer.LayerNorm("layer_norm1", x), mask));
            GraphValue inner = layer.Linear("fc1", layer.LayerNorm("layer_norm2", x), InnerWidth);
            GraphValue gelu = layer.Mul(inner, layer.Unary("Sigmoid", layer.Mul(inner, layer.Scalar(1.702f))));
            x = layer.Add(x, layer.Linear("fc2", gelu, Width, isResidual: true));
        }

        graph.Output("last_hidden_state", root.LayerNorm("final_layer_norm", x));
    }

    private GraphValue Attention(Layers layer, GraphValue x, GraphValue mask)
    {
        int width = Width / Heads;
        GraphValue q = layer.Mul(layer.Linear("q_proj", x, Width), layer.Scalar(1 / MathF.Sqrt(width)));
        GraphValue k = SplitHeads(layer, layer.Linear("k_proj", x, Width));
        GraphValue v = SplitHeads(layer, layer.Linear("v_proj", x, Width));
        GraphValue queries = layer.Reshape(SplitHeads(layer, q), Heads, TokenCount, width);
        GraphValue keys = layer.Reshape(k, Heads, TokenCount, width);
        GraphValue values = layer.Reshape(v, Heads, TokenCount, width);
        GraphValue scores = layer.Reshape(layer.MatMul(queries, layer.Transpose(keys, 0, 2, 1)), 1, Heads, TokenCount, TokenCount);
        GraphValue masked = layer.Reshape(layer.Add(scores, mask), Heads, TokenCount, TokenCount);
        GraphValue result = layer.Reshape(layer.MatMul(layer.Softmax(masked, -1), values), 1, Heads, TokenCount, width);
        GraphValue merged = layer.Reshape(layer.Transpose(result, 0, 2, 1, 3), 1, TokenCount, Width);
        return layer.Linear("out_proj", merged, Width, isResidual: true);
    }

    private GraphValue SplitHeads(Layers layer, GraphValue x) =>
        layer.Transpose(layer.Reshape(x, 1, TokenCount, Heads, Width / Heads), 0, 2, 1, 3);

    // A token sees those before it.
    private GraphValue CausalMask(GraphBuilder graph)
    {
        float[] mask = new float[TokenCount * TokenCount];
        for (int i = 0; i < TokenCount; i++)
        {
            mask.AsSpan(i * TokenCount + i + 1, TokenCount - i - 1).Fill(float.MinValue);
        }

        return graph.Numbers(mask, 1, 1, TokenCount, TokenCount);
    }
}
