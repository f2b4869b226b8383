using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Quantization;

/// <summary>The ranges of the values of a graph: those of a table, and those that follow from them.</summary>
internal static class ValueRanges
{
    // Their results are elements of their first input: all of them, as often as each other.
    private static readonly HashSet<string> s_moving = ["Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"];

    // Their results are elements of their first input, but not all of them, or some more often.
    private static readonly HashSet<string> s_choosing = ["Dropout", "Expand", "Gather", "MaxPool", "Slice", "Split", "Tile"];

    /// <summary>The range of a value; null where nothing is known of it.</summary>
    public static ValueRange? Find(RangeTable? table, Value value)
    {
        for (Value? current = value; current is not null;)
        {
            if (table?.Find(current.Name) is { } range)
            {
                return range;
            }

            current = current.Producer is { Domain: "" } node && (s_moving.Contains(node.OperatorType) || s_choosing.Contains(node.OperatorType) || RepeatsElements(node)) ? node.Inputs[0] : null;
        }

        return null;
    }

    /// <summary>The value whose numbers are those of <paramref name="value"/>, before they were only moved: an image that is going to be enlarged, say, is smaller.</summary>
    public static Value Source(Value value)
    {
        while (value.Producer is { Domain: "" } node && (s_moving.Contains(node.OperatorType) || RepeatsElements(node)) && node.Inputs[0] is { Constant: null } input)
        {
            value = input;
        }

        return value;
    }

    /// <summary>Whether a node enlarges an image by repeating its pixels.</summary>
    public static bool RepeatsElements(Node node) => node is { Domain: "", OperatorType: "Resize" or "Upsample" } && node.Attributes.String("mode", "nearest") == "nearest";
}
