using System.Globalization;
using System.Text;

namespace OnnxStream.Interop.Pipelines;

/// <summary>Finds the inputs and outputs of a stage by what they are called, or else by what they look like.</summary>
/// <remarks>
/// OnnxStream's folders have names in an escaped form, where each character that is not an ASCII letter or digit has become its
/// hexadecimal code between underscores: <c>encoder_5F_hidden_5F_states</c>.
/// </remarks>
internal static class TensorNames
{
    /// <summary>The value of one of these names; where there is none, the only one that <paramref name="likely"/> accepts; else null.</summary>
    public static ValueMetadata? Find(IReadOnlyList<ValueMetadata> values, ReadOnlySpan<string> names, Func<ValueMetadata, bool> likely)
    {
        foreach (string name in names)
        {
            foreach (ValueMetadata value in values)
            {
                if (value.Name == name || Unescape(value.Name) == name)
                {
                    return value;
                }
            }
        }

        ValueMetadata[] candidates = [.. values.Where(likely)];
        return candidates.Length == 1 ? candidates[0] : null;
    }

    /// <summary>As <see cref="Find"/>, where finding nothing is an error.</summary>
    public static ValueMetadata Require(
        string path, string what, IReadOnlyList<ValueMetadata> values, ReadOnlySpan<string> names, Func<ValueMetadata, bool> likely) =>
        Find(values, names, likely) ?? throw new ModelFormatException(
            path, $"{what} was not found: expected the name {string.Join(" or ", names.ToArray())}, the model has {string.Join(", ", values)}.");

    /// <summary>Undoes OnnxStream's escaping; a name that was not escaped may come out as nonsense, which is why both are compared.</summary>
    public static string Unescape(string name)
    {
        StringBuilder builder = new(name.Length);
        for (int i = 0; i < name.Length; i++)
        {
            int end = name[i] == '_' ? name.IndexOf('_', i + 1) : -1;
            if (end > i + 1
                && int.TryParse(name.AsSpan(i + 1, end - i - 1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int code)
                && Rune.IsValid(code))
            {
                _ = builder.Append(new Rune(code).ToString());
                i = end;
            }
            else
            {
                _ = builder.Append(name[i]);
            }
        }

        return builder.ToString();
    }
}
