namespace OnnxStream.Interop.Benchmarks.Sd15;

/// <summary>What random weights are drawn from: uniform numbers of this mean and standard deviation.</summary>
internal readonly record struct Distribution(float Mean, float Deviation)
{
    /// <summary>Scales of normalizations.</summary>
    public static Distribution Gamma { get; } = new(1, 0.1f);

    /// <summary>Shifts of normalizations.</summary>
    public static Distribution Beta { get; } = new(0, 0.1f);

    /// <summary>Biases of linear layers and convolutions.</summary>
    public static Distribution Bias { get; } = new(0, 0.05f);

    /// <summary>Tables that are gathered from.</summary>
    public static Distribution Embedding { get; } = new(0, 0.5f);

    /// <summary>Weights of which each output sums up <paramref name="inputs"/> products: the output is as large as the input.</summary>
    /// <param name="inputs">The number of products.</param>
    /// <param name="isResidual">Whether the output is added to what the layer began with; halved, so that a deep network's sum grows slowly.</param>
    public static Distribution Product(long inputs, bool isResidual = false) => new(0, (isResidual ? 0.5f : 1) / MathF.Sqrt(inputs));
}
