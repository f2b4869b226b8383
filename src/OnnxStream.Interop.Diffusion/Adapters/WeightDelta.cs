namespace OnnxStream.Interop.Diffusion.Adapters;

/// <summary>What is added to a weight, as a matrix [outputs, inputs]: of a convolution, all that one output channel has stands in a row.</summary>
internal abstract class WeightDelta
{
    /// <summary>The number of rows.</summary>
    public abstract int Rows { get; }

    /// <summary>The number of columns.</summary>
    public abstract int Columns { get; }

    /// <summary>Adds a part of a row.</summary>
    /// <param name="scale">What it is multiplied by.</param>
    /// <param name="row">The row.</param>
    /// <param name="column">The first column.</param>
    /// <param name="destination">What it is added to; as long as the part.</param>
    public abstract void Add(float scale, int row, int column, Span<float> destination);
}
