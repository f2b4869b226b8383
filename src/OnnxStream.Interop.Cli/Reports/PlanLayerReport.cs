namespace OnnxStream.Interop.Cli.Reports;

/// <summary>A weight that is divided into panels.</summary>
/// <param name="Weight">Its name in the model.</param>
/// <param name="Node">The node that it is used by.</param>
/// <param name="Type">The type of its panels, as --panel-type names it.</param>
/// <param name="Panels">How many there are.</param>
/// <param name="Bytes">The bytes that they have in a store.</param>
/// <param name="PredictedError">What the layer adds to the error of the outputs, by prediction; null where types were not chosen.</param>
/// <param name="ErrorShare">The layer's part of the square of that error, 0 to 1.</param>
internal sealed record PlanLayerReport(string Weight, string Node, string Type, int Panels, long Bytes, double? PredictedError, double? ErrorShare)
{
    /// <summary>Describes a weight.</summary>
    /// <param name="weight">The weight.</param>
    /// <param name="type">The name of its type.</param>
    /// <param name="formats">The choice of types; null where there is none.</param>
    public static PlanLayerReport Of(PlanWeight weight, string type, PanelFormatTable? formats)
    {
        double? predicted = formats?.Layers.FirstOrDefault(layer => layer.WeightName == weight.Name)?.PredictedError;
        double all = formats?.Layers.Sum(layer => Square(layer.PredictedError)) ?? 0;
        return new PlanLayerReport(weight.Name, weight.NodeName, type, weight.Panels, weight.PanelBytes, predicted, predicted is null ? null : all == 0 ? 0 : Square(predicted) / all);
    }

    private static double Square(double? error) => error is { } known ? known * known : 0;
}
