using System.Text;

namespace OnnxStream.Interop.Kernels;

/// <summary>Names of kernels whose loops are the same for many functions.</summary>
internal static class KernelNames
{
    private const string Ending = " function";

    /// <summary>The words that the type of a function is called by, such as <c>sum square reduction</c>; of a function for another type of elements, those of the function.</summary>
    public static string Of<TFunction>() => Of(typeof(TFunction));

    private static string Of(Type type)
    {
        if (type.GetGenericArguments() is [var inner, ..] && inner.Namespace == type.Namespace)
        {
            return Of(inner);
        }

        StringBuilder words = new();
        foreach (char c in type.Name.TakeWhile(c => c != '`'))
        {
            if (char.IsUpper(c) && words.Length > 0)
            {
                words.Append(' ');
            }

            words.Append(char.ToLowerInvariant(c));
        }

        string name = words.ToString();
        return name.EndsWith(Ending, StringComparison.Ordinal) ? name[..^Ending.Length] : name;
    }
}
