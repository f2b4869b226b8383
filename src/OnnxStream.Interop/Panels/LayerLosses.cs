namespace OnnxStream.Interop.Panels;

/// <summary>What the layers of a model lose where their weights and data are rounded, by the name of the weight.</summary>
internal sealed class LayerLosses
{
    private readonly Dictionary<string, LayerLoss> _layers = [];

    /// <summary>What a layer loses; of one that has not run, nothing yet.</summary>
    public LayerLoss Of(string weight)
    {
        lock (_layers)
        {
            if (!_layers.TryGetValue(weight, out LayerLoss? loss))
            {
                loss = new LayerLoss();
                _layers.Add(weight, loss);
            }

            return loss;
        }
    }
}
