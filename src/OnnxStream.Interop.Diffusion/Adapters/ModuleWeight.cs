namespace OnnxStream.Interop.Diffusion.Adapters;

/// <summary>A weight of a module.</summary>
/// <param name="Weight">The weight.</param>
/// <param name="IsOutputMajor">Whether it is [outputs, inputs, kernel…], as modules of PyTorch have it, and not [inputs, outputs].</param>
internal sealed record ModuleWeight(ModelWeight Weight, bool IsOutputMajor)
{
    /// <summary>The number of outputs.</summary>
    public int Outputs => checked((int)Weight.Shape[IsOutputMajor ? 0 : 1]);

    /// <summary>The numbers of one output.</summary>
    public int PerOutput => checked((int)(Weight.Shape.ElementCount / Outputs));
}
