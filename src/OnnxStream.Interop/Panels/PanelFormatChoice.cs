namespace OnnxStream.Interop.Panels;

/// <summary>Which format each weight of a model is packed in.</summary>
/// <param name="standard">The format of weights that no table names.</param>
/// <param name="table">The formats of single weights; null for none.</param>
/// <param name="losses">Receives what layers lose; null where it is not measured.</param>
internal sealed class PanelFormatChoice(PanelFormat standard, PanelFormatTable? table = null, LayerLosses? losses = null)
{
    // What a store is named by that has a format for each layer.
    private const string MixedName = "auto";

    /// <summary>Single precision everywhere.</summary>
    public static PanelFormatChoice Default { get; } = new(PanelFormats.Default);

    /// <summary>The name in the headers of stores: at most eight characters.</summary>
    public string Name => table is null ? standard.Identity : MixedName;

    /// <summary>What distinguishes the choice from others: stores of different choices are different.</summary>
    public string Identity => table is null ? standard.Identity : $"{MixedName}:{standard.Identity}:{table.Identity}";

    /// <summary>The format that was chosen for a weight, whether it takes it or not.</summary>
    /// <param name="weight">The name of the weight.</param>
    public PanelFormat For(string weight) => table?.Find(weight) is { } type ? PanelFormats.For(type)! : standard;

    /// <summary>The format in which a weight is packed.</summary>
    /// <param name="weight">The name of the weight.</param>
    /// <param name="outputs">The number of output channels.</param>
    /// <param name="inputs">The number of input channels.</param>
    /// <param name="space">The number of kernel positions; 1 for matrices.</param>
    public PanelFormat For(string weight, long outputs, long inputs, long space)
    {
        PanelFormat format = For(weight);
        while (!format.Takes(outputs, inputs, space))
        {
            format = format.Substitute;
        }

        return losses is null ? format : new MeasuredFormat(format, losses.Of(weight));
    }
}
