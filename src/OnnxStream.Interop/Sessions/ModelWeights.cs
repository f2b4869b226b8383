using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Sessions;

/// <summary>What can be said of a model's weights before anything is planned.</summary>
internal static class ModelWeights
{
    // Winograd's algorithm makes 36 numbers of the 9 of a 3x3 kernel.
    private const int LargestExpansion = 4;

    /// <summary>The sources that weights lie in, with their lengths and versions, as text: a panel store that was made of them is worthless when one changes.</summary>
    public static string Identity(Graph graph) => string.Join('\n', Weights(graph).Select(weight => weight.Location!.Value.Source).DistinctBy(source => source.Id)
        .OrderBy(source => source.Id, StringComparer.Ordinal).Select(source => $"{source.Id}|{source.CheckedLength()}|{source.CheckedVersion()}"));

    /// <summary>Throws if a table of formats names a weight that the model does not have.</summary>
    /// <exception cref="ArgumentException">It does: the table is for another model.</exception>
    public static void Check(PanelFormatTable table, Graph graph, string path)
    {
        HashSet<string> names = [.. graph.AllNodes().SelectMany(node => node.Inputs).Select(input => input?.Constant?.Location?.Name).OfType<string>()];
        if (table.Layers.FirstOrDefault(layer => !names.Contains(layer.WeightName)) is { } other)
        {
            throw new ArgumentException($"The table of panel formats names the weight '{other.WeightName}', which {path} does not have: it was made for another model. PanelFormatSearch makes one for this model.");
        }
    }

    /// <summary>The most bytes that a panel store of the model can have, nearly.</summary>
    public static long LargestStoreBytes(Graph graph, PanelFormatChoice formats) =>
        Weights(graph).DistinctBy(weight => weight.Location).Sum(weight => LargestStoreBytes(weight.Type.Shape, formats.For(weight.Location!.Value.Name)));

    private static long LargestStoreBytes(Shape weight, PanelFormat format) =>
        format.StoredBytes((long)(weight.ElementCount * format.BytesPerNumber)) * (IsThreeByThree(weight) && !format.IsQuantized ? LargestExpansion : 1);

    private static bool IsThreeByThree(Shape shape) => shape.Rank == 4 && shape[2] == 3 && shape[3] == 3;

    private static IEnumerable<Constant> Weights(Graph graph) =>
        graph.AllNodes().SelectMany(node => node.Inputs).Select(input => input?.Constant).OfType<Constant>().Where(constant => constant.Location is not null && constant.Type.ElementType.IsFloat()).Distinct();
}
