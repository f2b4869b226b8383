namespace OnnxStream.Interop.Gguf;

/// <summary>By how much each pair of numbers is turned from one position to the next, in radians, and what stretches contexts beyond those of training.</summary>
/// <param name="Near">The frequencies of positions up to <see cref="Border"/>.</param>
/// <param name="Far">Those of runs that reach farther; null where all are alike.</param>
/// <param name="Border">The positions that <see cref="Near"/> is for.</param>
/// <param name="Factor">What cosines and sines are multiplied with.</param>
internal sealed record RotaryFrequencies(float[] Near, float[]? Far, int Border, float Factor)
{
    // Where the turns of a context count as many and as few, unless the file says otherwise.
    private const double UsualFast = 32;
    private const double UsualSlow = 1;

    /// <summary>Reads those of a file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="sizes">The numbers of the decoder.</param>
    /// <param name="factors">The numbers of a tensor by which frequencies are divided; null where the file has none.</param>
    /// <exception cref="ModelFormatException">The file wants something that is not known.</exception>
    public static RotaryFrequencies Read(GgufFile file, DecoderSizes sizes, Func<string, float[]?> factors)
    {
        float[] plain = Plain(sizes, (float)(sizes.Number("rope.freq_base") ?? 10000));
        int original = sizes.Optional("rope.scaling.original_context_length", int.MaxValue) ?? sizes.Context;
        float stretch = (float)(sizes.Number("rope.scaling.factor") ?? sizes.Number("rope.scale_linear") ?? 1);
        stretch = stretch > 0 ? stretch : 1;
        float factor = (float)(sizes.Number("rope.scaling.attn_factor") ?? 1);
        if (factors("rope_factors_long.weight") is { } far && factors("rope_factors_short.weight") is { } near)
        {
            return sizes.Context <= original
                ? new RotaryFrequencies(Divided(plain, near), null, 0, factor)
                : new RotaryFrequencies(Divided(plain, near), Divided(plain, far), original, factor);
        }

        if (factors("rope_freqs.weight") is { } each)
        {
            plain = Divided(plain, each);
        }

        return (sizes.Text("rope.scaling.type") ?? (stretch == 1 ? "none" : "linear")) switch
        {
            "none" => new RotaryFrequencies(plain, null, 0, factor),
            "linear" => new RotaryFrequencies([.. plain.Select(frequency => frequency / stretch)], null, 0, factor),
            "yarn" => new RotaryFrequencies(Yarn(sizes, plain, stretch, original), null, 0, factor * (stretch <= 1 ? 1 : 0.1f * MathF.Log(stretch) + 1)),
            "longrope" => throw file.Error("the model stretches positions by 'longrope', but the tensors rope_factors_long.weight and rope_factors_short.weight are missing."),
            var type => throw file.Error($"the model stretches positions by '{type}', which is not supported; supported are none, linear, yarn and longrope."),
        };
    }

    /// <summary>Those of layers with a sliding window, which nothing stretches.</summary>
    public static RotaryFrequencies Plain(DecoderSizes sizes, float frequencyBase, float factor) => new(Plain(sizes, frequencyBase), null, 0, factor);

    // In single precision, as models are trained with.
    private static float[] Plain(DecoderSizes sizes, float frequencyBase) =>
        [.. Enumerable.Range(0, sizes.Turned / 2).Select(pair => 1 / MathF.Pow(frequencyBase, 2f * pair / sizes.Turned))];

    private static float[] Divided(float[] frequencies, float[] factors) => [.. frequencies.Zip(factors, (frequency, factor) => frequency / factor)];

    // https://arxiv.org/abs/2309.00071: pairs that turn often within the original context stay, those that turn less than once are stretched, and between them both are mixed.
    private static float[] Yarn(DecoderSizes sizes, float[] plain, float stretch, int original)
    {
        double frequencyBase = sizes.Number("rope.freq_base") ?? 10000;
        double PairOf(double turns) => sizes.Turned * Math.Log(original / (turns * 2 * Math.PI)) / (2 * Math.Log(frequencyBase));
        double low = Math.Max(0, Math.Floor(PairOf(sizes.Number("rope.scaling.yarn_beta_fast") ?? UsualFast)));
        double high = Math.Min(sizes.Turned - 1, Math.Ceiling(PairOf(sizes.Number("rope.scaling.yarn_beta_slow") ?? UsualSlow)));
        return [.. plain.Select((frequency, pair) =>
        {
            double kept = 1 - Math.Clamp((pair - low) / Math.Max(0.001, high - low), 0, 1);
            return (float)(frequency / stretch * (1 - kept) + frequency * kept);
        })];
    }
}
