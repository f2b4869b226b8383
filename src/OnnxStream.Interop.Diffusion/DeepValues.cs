namespace OnnxStream.Interop.Diffusion;

/// <summary>What the deep layers of a UNET made in an earlier step, for each set of inputs: steps that follow begin behind them.</summary>
internal sealed class DeepValues
{
    /// <summary>One tensor for each set; empty before the first step.</summary>
    public List<TensorBuffer> Sets { get; } = [];
}
