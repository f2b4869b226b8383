using System.Globalization;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Graphs;

/// <summary>An attribute as a version of an operator defines it.</summary>
/// <param name="Kind">The kind of its value.</param>
/// <param name="Default">The value where it is not given, as the table spells it; null if there is none.</param>
internal readonly record struct AttributeDefinition(AttributeKind Kind, string? Default)
{
    /// <summary>The kind as the specification spells it, such as <c>ints</c>.</summary>
    public string KindName => NameOf(Kind);

    /// <summary>The kind of a value as <see cref="Attributes"/> holds it.</summary>
    public static AttributeKind KindOf(object value) => value switch
    {
        float => AttributeKind.Float,
        long => AttributeKind.Int,
        string => AttributeKind.String,
        Constant => AttributeKind.Tensor,
        Graph => AttributeKind.Graph,
        ValueMetadata => AttributeKind.TypeProto,
        float[] => AttributeKind.Floats,
        long[] => AttributeKind.Ints,
        string[] => AttributeKind.Strings,
        _ => throw new ArgumentException($"No attribute is a {value.GetType()}.", nameof(value)),
    };

    /// <summary>The kind of values of a type, as <see cref="Attributes"/> holds them.</summary>
    public static AttributeKind KindOf<T>() =>
        typeof(T) == typeof(float) ? AttributeKind.Float :
        typeof(T) == typeof(long) ? AttributeKind.Int :
        typeof(T) == typeof(string) ? AttributeKind.String :
        typeof(T) == typeof(Constant) ? AttributeKind.Tensor :
        typeof(T) == typeof(Graph) ? AttributeKind.Graph :
        typeof(T) == typeof(ValueMetadata) ? AttributeKind.TypeProto :
        typeof(T) == typeof(float[]) ? AttributeKind.Floats :
        typeof(T) == typeof(long[]) ? AttributeKind.Ints :
        typeof(T) == typeof(string[]) ? AttributeKind.Strings :
        throw new ArgumentException($"No attribute is a {typeof(T)}.");

    /// <summary>A kind as the specification spells it, such as <c>ints</c>.</summary>
    public static string NameOf(AttributeKind kind) => kind switch
    {
        AttributeKind.SparseTensor => "sparse_tensor",
        AttributeKind.TypeProto => "type_proto",
        _ => kind.ToString().ToLowerInvariant(),
    };

    /// <summary>Whether a value means the same as leaving the attribute out.</summary>
    public bool IsDefault(object value) => value switch
    {
        long integer => Kind == AttributeKind.Int && Default == integer.ToString(CultureInfo.InvariantCulture),
        float number => Kind == AttributeKind.Float && Default is not null && float.Parse(Default, CultureInfo.InvariantCulture) == number,
        string text => Kind == AttributeKind.String && Default == text,
        _ => false,
    };
}
