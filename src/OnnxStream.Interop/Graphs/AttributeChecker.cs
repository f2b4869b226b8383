using System.Globalization;
using System.Text;

namespace OnnxStream.Interop.Graphs;

/// <summary>Checks that nodes have no attributes but those that their operators define, as the ONNX specification demands.</summary>
/// <remarks>
/// What an operator does not know, it would ignore, and compute something else than the model means. As in ONNX Runtime, names that begin
/// with two underscores are notes of tools, which nobody else reads.
/// </remarks>
internal static class AttributeChecker
{
    private const int MostFaults = 12;
    private const string NotePrefix = "__";

    /// <summary>Throws if a node, also one in a graph inside of another, has an attribute that its operator does not define or that is of another kind. Lists all of them.</summary>
    /// <exception cref="InvalidGraphException">There is one.</exception>
    public static void Check(Graph graph)
    {
        List<string> faults = [];
        int count = 0;
        foreach (Node node in graph.AllNodes())
        {
            if (node.Attributes.All.Count == 0 || AttributeTable.Find(node.Domain, node.OperatorType, node.OperatorSet) is not { } known)
            {
                continue;
            }

            foreach ((string name, object value) in node.Attributes.All)
            {
                if (Fault(node, known, name, value) is { } fault && count++ < MostFaults)
                {
                    faults.Add($"{node} (operator set {node.OperatorSet}): {fault}");
                }
            }
        }

        if (count == 0)
        {
            return;
        }

        StringBuilder text = new($"The model '{graph.Name}' has {count} attribute(s) that its operators do not define like this:");
        foreach (string fault in faults)
        {
            text.AppendLine().Append(CultureInfo.InvariantCulture, $"  {fault}");
        }

        if (count > faults.Count)
        {
            text.AppendLine().Append(CultureInfo.InvariantCulture, $"  and {count - faults.Count} more");
        }

        text.AppendLine().Append("Correct or remove them, or write the model for an operator set that defines them.");
        throw new InvalidGraphException(text.ToString());
    }

    /// <summary>Whether an operator may have an attribute of this name. One that is not in the table may have any.</summary>
    public static bool IsKnown(string domain, string operatorType, int operatorSet, string name) =>
        IsNote(name) || AttributeTable.Find(domain, operatorType, operatorSet)?.ContainsKey(name) != false;

    private static bool IsNote(string name) => name.StartsWith(NotePrefix, StringComparison.Ordinal);

    private static string? Fault(Node node, IReadOnlyDictionary<string, AttributeDefinition> known, string name, object value)
    {
        if (known.TryGetValue(name, out AttributeDefinition definition))
        {
            AttributeKind kind = AttributeDefinition.KindOf(value);
            return kind == definition.Kind ? null : $"attribute '{name}' is {AttributeDefinition.NameOf(kind)}, expected {definition.KindName}.";
        }

        if (IsNote(name))
        {
            return null;
        }

        string names = known.Count == 0 ? "it has none" : $"it has {string.Join(", ", known.Keys)}";
        int[] sets = [.. AttributeTable.SetsWith(node.Domain, node.OperatorType, name)];
        return $"attribute '{name}' is unknown; {names}.{(sets.Length == 0 ? "" : $" The version of operator set {string.Join(", ", sets)} has '{name}'.")}";
    }
}
