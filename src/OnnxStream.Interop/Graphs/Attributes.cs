using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Graphs;

/// <summary>The attributes of a node by name: <see cref="long"/>, <see cref="float"/>, <see cref="string"/>, <see cref="Constant"/>, <see cref="Graph"/>, <see cref="ValueMetadata"/> for the type of a value, or an array of one of the first three.</summary>
internal sealed class Attributes
{
    private readonly IReadOnlyDictionary<string, object> _values;

    /// <summary>Takes the values over.</summary>
    public Attributes(IReadOnlyDictionary<string, object>? values = null) => _values = values ?? new Dictionary<string, object>();

    /// <summary>The node that has them, for messages.</summary>
    public Node? Node { get; set; }

    /// <summary>All names and values.</summary>
    public IReadOnlyDictionary<string, object> All => _values;

    /// <summary>Whether the attribute is given.</summary>
    public bool Has(string name) => _values.ContainsKey(name);

    /// <summary>An integer, or <paramref name="otherwise"/> if it is not given.</summary>
    public long Int(string name, long otherwise) => Get<long>(name) is (true, var value) ? value : otherwise;

    /// <summary>A number, or <paramref name="otherwise"/> if it is not given.</summary>
    public float Float(string name, float otherwise) => Get<float>(name) is (true, var value) ? value : otherwise;

    /// <summary>A text, or <paramref name="otherwise"/> if it is not given.</summary>
    public string String(string name, string otherwise) => Get<string>(name) is (true, { } value) ? value : otherwise;

    /// <summary>Integers, or null if they are not given.</summary>
    public long[]? Ints(string name) => Get<long[]>(name).Value;

    /// <summary>Numbers, or null if they are not given. An empty list of any type is an empty list of numbers.</summary>
    public float[]? Floats(string name) => Get<float[]>(name).Value;

    /// <summary>Texts, or null if they are not given.</summary>
    public string[]? Strings(string name) => Get<string[]>(name).Value;

    /// <summary>A tensor, or null if it is not given.</summary>
    public Constant? Tensor(string name) => Get<Constant>(name).Value;

    /// <summary>A graph, or null if it is not given.</summary>
    public Graph? Graph(string name) => Get<Graph>(name).Value;

    /// <summary>The type of a value, whose name is empty, or null if it is not given.</summary>
    public ValueMetadata? ValueType(string name) => Get<ValueMetadata>(name).Value;

    private (bool Found, T? Value) Get<T>(string name)
    {
        if (!_values.TryGetValue(name, out object? value))
        {
            return (false, default);
        }

        if (value is T typed)
        {
            return (true, typed);
        }

        throw new InvalidGraphException($"{Node}: attribute '{name}' is {AttributeDefinition.NameOf(AttributeDefinition.KindOf(value))}, expected {AttributeDefinition.NameOf(AttributeDefinition.KindOf<T>())}.");
    }
}
