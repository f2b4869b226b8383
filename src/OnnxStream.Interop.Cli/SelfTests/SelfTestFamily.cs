namespace OnnxStream.Interop.Cli.SelfTests;

/// <summary>Kernels that compute the same kind of thing, and models that show whether they do.</summary>
/// <param name="Name">The name.</param>
/// <param name="Kernels">Parts of kernel names; each must be among the steps of the plans, else something else was tested.</param>
/// <param name="Tolerance">The largest error, absolute for results below 1 and relative above.</param>
/// <param name="Cases">Makes the models, with a source of seeded random numbers.</param>
internal sealed record SelfTestFamily(string Name, string[] Kernels, double Tolerance, Func<Random, SelfTestCase[]> Cases)
{
    /// <summary>How weights are packed into a file first, as <c>--panel-store --panel-type</c> does; null to pack them in every run.</summary>
    public ElementType? PanelType { get; init; }

    /// <summary>How what lies between layers is stored, as <c>--activation-type</c> says.</summary>
    public ElementType ActivationType { get; init; } = ElementType.Float32;
}

/// <summary>A model and what it should compute.</summary>
/// <param name="Model">The model.</param>
/// <param name="Expected">The elements of its outputs, one output after the other.</param>
internal sealed record SelfTestCase(SelfTestModel Model, params double[][] Expected)
{
    /// <summary>For each element, what its error is divided by, 0 where it must be the nearest number; null where that is 1 for results below 1 and the result itself above.</summary>
    public double[][]? Sizes { get; init; }
}
