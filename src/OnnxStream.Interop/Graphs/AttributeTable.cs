namespace OnnxStream.Interop.Graphs;

/// <summary>The attributes that the ONNX specification, or ONNX Runtime for its own domain, defines for each version of each operator.</summary>
internal static partial class AttributeTable
{
    private static readonly Lazy<Dictionary<string, List<(int Since, SortedDictionary<string, AttributeDefinition> Attributes)>>> s_operators = new(Read);

    /// <summary>The attributes of an operator in the version that an operator set has; null if the table does not know it.</summary>
    /// <remarks>
    /// An operator that is younger than the operator set has the attributes of its first version: ONNX Runtime had some of its own in the
    /// default domain, such as LayerNormalization, before the specification took them over. Sets before the oldest that is understood had
    /// attributes that the table does not list.
    /// </remarks>
    public static IReadOnlyDictionary<string, AttributeDefinition>? Find(string domain, string operatorType, int operatorSet)
    {
        if (!s_operators.Value.TryGetValue(Key(domain, operatorType), out var versions))
        {
            return null;
        }

        int index = versions.FindLastIndex(version => version.Since <= operatorSet);
        return index >= 0 ? versions[index].Attributes :
            domain.Length == 0 && operatorSet < OperatorSets.Oldest ? null : versions[0].Attributes;
    }

    /// <summary>The operator sets whose versions of an operator define an attribute, where that changed.</summary>
    public static IEnumerable<int> SetsWith(string domain, string operatorType, string attribute) =>
        s_operators.Value.GetValueOrDefault(Key(domain, operatorType), []).Where(version => version.Attributes.ContainsKey(attribute)).Select(version => version.Since);

    /// <summary>Whether other versions than that of an operator set know an attribute, and the value is what one of them takes where it is left out: then it says nothing.</summary>
    public static bool IsDefaultElsewhere(string domain, string operatorType, int operatorSet, string attribute, object value) =>
        Find(domain, operatorType, operatorSet)?.ContainsKey(attribute) == false &&
        s_operators.Value[Key(domain, operatorType)].Any(version => version.Attributes.TryGetValue(attribute, out AttributeDefinition definition) && (definition.IsDefault(value) || IsDilationOfOne(attribute, value)));

    // A default that the text of the specification gives, and its table does not: it has as many elements as there are dimensions.
    private static bool IsDilationOfOne(string attribute, object value) => attribute == "dilations" && value is long[] dilations && !dilations.AsSpan().ContainsAnyExcept(1);

    private static string Key(string domain, string operatorType) => domain.Length > 0 ? $"{domain}.{operatorType}" : operatorType;

    private static Dictionary<string, List<(int Since, SortedDictionary<string, AttributeDefinition> Attributes)>> Read()
    {
        Dictionary<string, List<(int Since, SortedDictionary<string, AttributeDefinition> Attributes)>> operators = [];
        foreach (string line in Text.Split('\n'))
        {
            string[] words = line.Split(' ');
            SortedDictionary<string, AttributeDefinition> attributes = new(StringComparer.Ordinal);
            foreach (string word in words.AsSpan(2))
            {
                int colon = word.IndexOf(':', StringComparison.Ordinal);
                int equals = word.IndexOf('=', StringComparison.Ordinal);
                string kind = word[(colon + 1)..(equals < 0 ? word.Length : equals)].Replace("_", "", StringComparison.Ordinal);
                attributes.Add(word[..colon], new AttributeDefinition(Enum.Parse<AttributeKind>(kind, ignoreCase: true), equals < 0 ? null : word[(equals + 1)..]));
            }

            if (!operators.TryGetValue(words[0], out var versions))
            {
                operators.Add(words[0], versions = []);
            }

            versions.Add((int.Parse(words[1], null), attributes));
        }

        return operators;
    }
}
