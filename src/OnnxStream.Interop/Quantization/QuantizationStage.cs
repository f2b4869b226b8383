namespace OnnxStream.Interop;

/// <summary>What a quantization does one after the other.</summary>
public enum QuantizationStage
{
    /// <summary>Finds scales for the weights, each of which is read once.</summary>
    Weights,

    /// <summary>Runs the model, to find out what is lost.</summary>
    Measuring,

    /// <summary>Writes the model.</summary>
    Writing,
}
