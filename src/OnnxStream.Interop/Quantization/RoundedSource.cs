using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Quantization;

/// <summary>A weight in fewer bits that lies nowhere: its bytes are computed from the weight that it was made of when somebody reads them.</summary>
/// <remarks>So a quantized model can be run, measured and written without ever being in memory, and without a file in between.</remarks>
internal abstract class RoundedSource : WeightSource
{
    // Two quantizations of one weight need not be alike: their sources are told apart.
    private static long s_number;

    private readonly WeightSource? _original;
    private readonly QuantizationWork _work;

    /// <summary>Describes a source.</summary>
    /// <param name="weight">What it is made of.</param>
    /// <param name="description">What it is made into, with all that its bytes depend on.</param>
    /// <param name="work">Is asked whether to go on, and told of the bytes.</param>
    protected RoundedSource(FloatWeight weight, string description, QuantizationWork work)
        : base($"{weight.Constant.Location?.Source.Id ?? "constant"}#{Interlocked.Increment(ref s_number)}:{description}")
    {
        Weight = weight;
        _work = work;
        _original = weight.Constant.Location?.Source;
    }

    /// <inheritdoc/>
    public sealed override string Version => _original?.CheckedVersion() ?? "";

    /// <summary>What it is made of.</summary>
    protected FloatWeight Weight { get; }

    /// <inheritdoc/>
    public sealed override void Read(long offset, Span<byte> destination)
    {
        _work.CancellationToken.ThrowIfCancellationRequested();
        Compute(offset, destination);
        _work.Add(destination.Length);
    }

    /// <summary>Computes bytes.</summary>
    /// <param name="offset">The first one.</param>
    /// <param name="destination">Receives them.</param>
    protected abstract void Compute(long offset, Span<byte> destination);
}
