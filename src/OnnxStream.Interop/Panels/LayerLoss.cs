using System.Globalization;

namespace OnnxStream.Interop.Panels;

/// <summary>What a layer loses where its weights and data are rounded: measured while it is packed and runs, from any thread.</summary>
internal sealed class LayerLoss
{
    // Sums of many threads differ in their last digits from run to run; decisions must not.
    private const int Digits = 4;

    private readonly Lock _lock = new();
    private volatile bool _isUsed;
    private SquaredLoss _weights;
    private SquaredLoss _data;

    /// <summary>
    /// The square of the error of the layer's results, as a part of their square: those of weights and of data add, as errors do that have nothing to do with
    /// one another.
    /// </summary>
    public double Relative
    {
        get
        {
            lock (_lock)
            {
                return double.Parse((_weights.Relative + _data.Relative).ToString($"E{Digits}", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
            }
        }
    }

    /// <summary>Whether the layer has run. Of one that has not, such as those of a branch that was not taken, nothing is known.</summary>
    public bool IsUsed => _isUsed;

    /// <summary>Says that the layer runs.</summary>
    public void SetUsed() => _isUsed = true;

    /// <summary>Adds what was lost of weights.</summary>
    public void AddWeights(SquaredLoss loss)
    {
        lock (_lock)
        {
            _weights += loss;
        }
    }

    /// <summary>Adds what was lost of data.</summary>
    public void AddData(SquaredLoss loss)
    {
        lock (_lock)
        {
            _data += loss;
        }
    }
}
