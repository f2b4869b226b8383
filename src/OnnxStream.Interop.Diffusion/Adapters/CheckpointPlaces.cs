namespace OnnxStream.Interop.Diffusion.Adapters;

/// <summary>The weights of a model by module and kind (<c>weight</c>, <c>bias</c>), as checkpoints call them.</summary>
/// <remarks>
/// Exporters keep names of weights that they leave as they are. Those that they transpose or reshape get numbers for names; then the node that reads them says the
/// module, and its operator the kind: <c>/mid_block/attn/to_q/MatMul</c>, <c>/norm1/Mul</c>.
/// </remarks>
internal sealed class CheckpointPlaces
{
    private readonly Dictionary<(string Module, string Kind), List<CheckpointPlace>> _places = [];

    /// <summary>Finds them.</summary>
    public CheckpointPlaces(Model model)
    {
        List<ModelWeight> matrices = [];
        foreach (ModelWeight weight in model.FindWeights())
        {
            if (weight.ElementType is not (ElementType.Float32 or ElementType.Float16 or ElementType.BFloat16))
            {
                continue;
            }

            foreach (WeightUse use in weight.Uses)
            {
                (string? kind, bool isMatrix) = use switch
                {
                    { OperatorType: "MatMul" or "Gemm" or "Conv", Input: 1 } or { OperatorType: "Gather", Input: 0 } => ("weight", true),
                    { OperatorType: "Gemm" or "Conv", Input: 2 } or { OperatorType: "LayerNormalization" or "GroupNormalization", Input: 2 } or { OperatorType: "Add" } => ("bias", false),
                    { OperatorType: "Mul" } or { OperatorType: "LayerNormalization" or "GroupNormalization", Input: 1 } => ("weight", false),
                    _ => ((string?)null, false),
                };
                if (kind is null)
                {
                    continue;
                }

                CheckpointPlace place = new(weight, use.OperatorType is "MatMul" or "Gemm" && isMatrix && !use.IsOutputMajor, isMatrix);
                if (isMatrix && weight.Shape.Rank > 1)
                {
                    matrices.Add(weight);
                }

                AddPlace(ModuleName.OfNode(use.Node), kind, place);
                if (ModuleName.OfWeight(weight.Name) is { } named)
                {
                    AddPlace(named, "weight", place);
                }
                else if (weight.Name.EndsWith(".bias", StringComparison.Ordinal))
                {
                    AddPlace(ModuleName.Of(weight.Name[..^".bias".Length]), "bias", place);
                }
            }
        }

        Matrices = [.. matrices.DistinctBy(weight => weight.Name)];
    }

    /// <summary>The matrices, convolutions and tables: those that make a model what it is.</summary>
    public IReadOnlyList<ModelWeight> Matrices { get; }

    /// <summary>The place of a tensor; null if there is none.</summary>
    /// <param name="module">Its module.</param>
    /// <param name="kind">What it is of it.</param>
    /// <param name="shape">Its shape.</param>
    public CheckpointPlace? Find(string module, string kind, Shape shape)
    {
        // Exporters take the rows of positions out of their table once, and add them where the embeddings are.
        const string Positions = "_position_embedding";
        return Fitting(Candidates(module, kind), shape)
            ?? (module.EndsWith(Positions, StringComparison.Ordinal) ? Fitting(Candidates(module[..^Positions.Length], "bias"), shape) : null)
            ?? Candidates(module, kind).FirstOrDefault();
    }

    private static CheckpointPlace? Fitting(IEnumerable<CheckpointPlace> places, Shape shape) => places.FirstOrDefault(place => place.Weight.Shape.ElementCount == shape.ElementCount);

    private IEnumerable<CheckpointPlace> Candidates(string module, string kind)
    {
        if (_places.TryGetValue((module, kind), out List<CheckpointPlace>? places))
        {
            return places;
        }

        string end = "_" + module;
        return _places.Where(pair => pair.Key.Kind == kind && pair.Key.Module.EndsWith(end, StringComparison.Ordinal)).SelectMany(pair => pair.Value);
    }

    private void AddPlace(string? module, string kind, CheckpointPlace place)
    {
        if (module is null)
        {
            return;
        }

        if (!_places.TryGetValue((module, kind), out List<CheckpointPlace>? list))
        {
            _places.Add((module, kind), list = []);
        }

        list.Add(place);
    }
}
