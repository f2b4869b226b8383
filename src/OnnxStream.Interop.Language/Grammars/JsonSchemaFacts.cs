using System.Numerics;
using System.Text.Json;

namespace OnnxStream.Interop.Language.Grammars;

/// <summary>What all schemas of one place say together. https://json-schema.org/draft/2020-12/json-schema-validation</summary>
internal sealed class JsonSchemaFacts
{
    private const int LargestSize = 100_000;
    private const int DeepestComparison = 4;

    private static readonly string[] s_types = ["object", "array", "string", "number", "integer", "boolean", "null"];

    private readonly JsonElement _root;
    private HashSet<string>? _types;
    private HashSet<string> _kinds = [];
    private List<(List<JsonElement> Ways, bool IsOneOnly)> _choices = [];
    private List<JsonElement> _objects = [];
    private List<JsonElement> _lists = [];
    private List<string> _required = [];
    private HashSet<string> _patterns = [];
    private HashSet<string> _references = [];
    private HashSet<string> _limits = [];
    private Stack<string> _open = new();

    /// <summary>Knows nothing yet: any value fits.</summary>
    /// <param name="root">Where references look for their targets.</param>
    public JsonSchemaFacts(JsonElement root) => _root = root;

    /// <summary>Whether no value fits, whatever else is said.</summary>
    public bool IsImpossible { get; private set; }

    /// <summary>The values that are allowed; null where they are not listed.</summary>
    public IReadOnlyList<JsonElement>? Values { get; private set; }

    /// <summary>The bound below of numbers.</summary>
    public decimal? Least { get; private set; }

    /// <summary>The bound above.</summary>
    public decimal? Most { get; private set; }

    /// <summary>Whether numbers are larger than the bound below, and not equal.</summary>
    public bool IsAbove { get; private set; }

    /// <summary>Whether they are smaller than the bound above, and not equal.</summary>
    public bool IsBelow { get; private set; }

    /// <summary>Whether numbers have a bound.</summary>
    public bool HasBounds => Least is not null || Most is not null;

    /// <summary>The smallest whole number.</summary>
    public BigInteger? LeastWhole => Least is { } least ? new BigInteger(decimal.Ceiling(least)) + (IsAbove && decimal.IsInteger(least) ? 1 : 0) : null;

    /// <summary>The largest whole number.</summary>
    public BigInteger? MostWhole => Most is { } most ? new BigInteger(decimal.Floor(most)) - (IsBelow && decimal.IsInteger(most) ? 1 : 0) : null;

    /// <summary>The fewest characters of a text.</summary>
    public int LeastLength { get; private set; }

    /// <summary>The most characters of a text; null for any.</summary>
    public int? MostLength { get; private set; }

    /// <summary>The fewest elements of a list.</summary>
    public int LeastItems { get; private set; }

    /// <summary>The most elements of a list; null for any.</summary>
    public int? MostItems { get; private set; }

    /// <summary>The fewest properties.</summary>
    public int LeastProperties { get; private set; }

    /// <summary>The most properties; null for any.</summary>
    public int? MostProperties { get; private set; }

    /// <summary>The regular expression of a text; null for none.</summary>
    public string? Pattern => _patterns.Count <= 1 ? _patterns.FirstOrDefault() : throw new GrammarException("In the JSON schema, two patterns or formats for one text are not supported.");

    /// <summary>The types of values that fit: those that are named, those that the keywords are about, or else all.</summary>
    public IReadOnlyCollection<string> Types
    {
        get
        {
            HashSet<string> types = [.. _types ?? (_kinds.Count > 0 ? _kinds : [.. s_types])];
            if (types.Contains("number"))
            {
                types.Remove("integer");
            }

            return types;
        }
    }

    /// <summary>The properties that are named, in the order in which they are.</summary>
    public IReadOnlyList<string> PropertyNames => [.. _objects.SelectMany(Properties).Select(property => property.Name).Concat(_required).Distinct()];

    /// <summary>How many properties there must be.</summary>
    public int RequiredCount => _required.Count;

    /// <summary>What holds for properties that are not named: all of some schemas, none for any value; null where there may be none.</summary>
    public IReadOnlyList<JsonElement>? OtherProperties
    {
        get
        {
            JsonElement[] said = [.. _objects.Select(schema => Find(schema, "additionalProperties")).OfType<JsonElement>()];
            return said.Any(other => other.ValueKind == JsonValueKind.False) || (said.Length == 0 && (_objects.Count > 0 || _required.Count > 0)) ? null : WithoutTrue(said);
        }
    }

    /// <summary>How many elements of a list have schemas of their own.</summary>
    public int PlaceCount => _lists.Select(schema => Find(schema, "prefixItems")?.GetArrayLength() ?? 0).Append(0).Max();

    /// <summary>What holds for the elements behind them, as for <see cref="OtherProperties"/>.</summary>
    public IReadOnlyList<JsonElement>? OtherItems
    {
        get
        {
            JsonElement[] said = [.. _lists.Select(schema => Find(schema, "items")).OfType<JsonElement>()];
            bool isClosed = said.Length == 0 && PlaceCount > 0 && LeastItems <= PlaceCount;
            return said.Any(other => other.ValueKind == JsonValueKind.False) || isClosed ? null : WithoutTrue(said);
        }
    }

    /// <summary>Whether a property must be there.</summary>
    public bool IsRequired(string name) => _required.Contains(name);

    /// <summary>What holds for a property that is named.</summary>
    public IReadOnlyList<JsonElement> Property(string name) => WithoutTrue(
        _objects.Select(schema => Properties(schema).Where(property => property.Name == name).Select(property => (JsonElement?)property.Value).FirstOrDefault() ?? Find(schema, "additionalProperties"))
            .OfType<JsonElement>());

    /// <summary>What holds for an element that has a schema of its own.</summary>
    public IReadOnlyList<JsonElement> Place(int place) => WithoutTrue(
        _lists.Select(schema => Find(schema, "prefixItems") is { } items && place < items.GetArrayLength() ? items[place] : Find(schema, "items")).OfType<JsonElement>());

    /// <summary>Takes one of the choices away; null where there is none.</summary>
    /// <exception cref="GrammarException">Exactly one way must fit, and two could.</exception>
    public IReadOnlyList<JsonElement>? TakeChoice()
    {
        if (_choices.Count == 0)
        {
            return null;
        }

        (List<JsonElement> ways, bool isOneOnly) = _choices[0];
        _choices.RemoveAt(0);
        if (isOneOnly)
        {
            RefuseOverlap(ways);
        }

        return ways;
    }

    /// <summary>The same facts, to which others can be added.</summary>
    public JsonSchemaFacts Copy()
    {
        JsonSchemaFacts copy = (JsonSchemaFacts)MemberwiseClone();
        copy._types = _types is null ? null : [.. _types];
        copy._kinds = [.. _kinds];
        copy._choices = [.. _choices];
        copy._objects = [.. _objects];
        copy._lists = [.. _lists];
        copy._required = [.. _required];
        copy._patterns = [.. _patterns];
        copy._references = [.. _references];
        copy._limits = [.. _limits];
        copy._open = new Stack<string>(_open.Reverse());
        return copy;
    }

    /// <summary>Whether a value that is listed is of a type that fits.</summary>
    public bool Fits(JsonElement value) => _types is null || _types.Contains(TypeOf(value));

    /// <summary>Refuses what would have to be checked for each value that is listed.</summary>
    public void RefuseBesideValues()
    {
        if (_limits.Count > 0)
        {
            throw new GrammarException($"In the JSON schema, '{_limits.First()}' is not supported beside 'enum' or 'const': list only the values that fit.");
        }
    }

    /// <summary>Adds what a schema says.</summary>
    /// <exception cref="GrammarException">It is no schema, or has something that is not supported.</exception>
    public void Add(JsonElement schema)
    {
        switch (schema.ValueKind)
        {
            case JsonValueKind.True:
                return;
            case JsonValueKind.False:
                IsImpossible = true;
                return;
            case JsonValueKind.Object:
                break;
            default:
                throw new GrammarException($"Expected a JSON schema, an object or a boolean, found {Excerpt(schema)}.");
        }

        bool isObject = false, isList = false;
        foreach (JsonProperty property in schema.EnumerateObject())
        {
            Add(schema, property.Name, property.Value, ref isObject, ref isList);
        }

        if (isObject)
        {
            _objects.Add(schema);
        }

        if (isList)
        {
            _lists.Add(schema);
        }
    }

    private void Add(JsonElement schema, string keyword, JsonElement value, ref bool isObject, ref bool isList)
    {
        switch (keyword)
        {
            case "title" or "description" or "default" or "examples" or "deprecated" or "readOnly" or "writeOnly" or "$comment" or "$schema" or "$id" or "$anchor" or "$defs" or "definitions" or
                "contentEncoding" or "contentMediaType":
            case var mine when mine.StartsWith("x-", StringComparison.Ordinal):
                return;
            case "$ref":
                AddReference(value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Wrong(schema, keyword, "a text"));
                return;
            case "allOf":
                foreach (JsonElement part in Schemas(schema, keyword, value))
                {
                    Add(part);
                }

                return;
            case "anyOf":
                _choices.Add((Schemas(schema, keyword, value), false));
                return;
            case "oneOf":
                _choices.Add((Schemas(schema, keyword, value), true));
                return;
            case "type":
                AddTypes(schema, value);
                return;
            case "enum":
                Restrict(value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : throw Wrong(schema, keyword, "a list"));
                return;
            case "const":
                Restrict([value]);
                return;
        }

        _limits.Add(keyword);
        switch (keyword)
        {
            case "properties":
                isObject |= value.ValueKind == JsonValueKind.Object ? Kind("object") : throw Wrong(schema, keyword, "an object");
                break;
            case "additionalProperties":
                isObject |= Kind("object");
                break;
            case "required":
                Kind("object");
                foreach (JsonElement name in value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : throw Wrong(schema, keyword, "a list of names"))
                {
                    string text = name.ValueKind == JsonValueKind.String ? name.GetString()! : throw Wrong(schema, keyword, "a list of names");
                    if (!_required.Contains(text))
                    {
                        _required.Add(text);
                    }
                }

                break;
            case "minProperties":
                Kind("object");
                LeastProperties = Math.Max(LeastProperties, Size(schema, keyword, value));
                break;
            case "maxProperties":
                Kind("object");
                MostProperties = Math.Min(MostProperties ?? int.MaxValue, Size(schema, keyword, value));
                break;
            case "prefixItems":
                isList |= value.ValueKind == JsonValueKind.Array ? Kind("array") : throw Wrong(schema, keyword, "a list");
                break;
            case "items":
                isList |= value.ValueKind != JsonValueKind.Array ? Kind("array") : throw new GrammarException("In the JSON schema, 'items' as a list is not supported: it is called 'prefixItems' since 2020.");
                break;
            case "minItems":
                Kind("array");
                LeastItems = Math.Max(LeastItems, Size(schema, keyword, value));
                break;
            case "maxItems":
                Kind("array");
                MostItems = Math.Min(MostItems ?? int.MaxValue, Size(schema, keyword, value));
                break;
            case "uniqueItems" when value.ValueKind == JsonValueKind.False:
                break;
            case "minLength":
                Kind("string");
                LeastLength = Math.Max(LeastLength, Size(schema, keyword, value));
                break;
            case "maxLength":
                Kind("string");
                MostLength = Math.Min(MostLength ?? int.MaxValue, Size(schema, keyword, value));
                break;
            case "pattern":
                Kind("string");
                _patterns.Add(value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Wrong(schema, keyword, "a text"));
                break;
            case "format":
                AddFormat(value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Wrong(schema, keyword, "a text"));
                break;
            case "minimum":
                Raise(Number(schema, keyword, value), isOpen: false);
                break;
            case "exclusiveMinimum":
                Raise(Number(schema, keyword, value), isOpen: true);
                break;
            case "maximum":
                Lower(Number(schema, keyword, value), isOpen: false);
                break;
            case "exclusiveMaximum":
                Lower(Number(schema, keyword, value), isOpen: true);
                break;
            default:
                throw new GrammarException($"In the JSON schema, the keyword '{keyword}' is not supported, in {Excerpt(schema)}.");
        }
    }

    private static JsonElement? Find(JsonElement schema, string keyword) => schema.TryGetProperty(keyword, out JsonElement value) ? value : null;

    private static IEnumerable<JsonProperty> Properties(JsonElement schema) => Find(schema, "properties") is { } properties ? properties.EnumerateObject() : [];

    private static List<JsonElement> WithoutTrue(IEnumerable<JsonElement> schemas) => [.. schemas.Where(schema => schema.ValueKind != JsonValueKind.True)];

    private static List<JsonElement> Schemas(JsonElement schema, string keyword, JsonElement value) =>
        value.ValueKind == JsonValueKind.Array && value.GetArrayLength() > 0 ? [.. value.EnumerateArray()] : throw Wrong(schema, keyword, "a list of schemas");

    private static int Size(JsonElement schema, string keyword, JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDecimal(out decimal size) && size >= 0 && decimal.IsInteger(size)
            ? size <= LargestSize ? (int)size : throw new GrammarException($"In the JSON schema, '{keyword}' is {size}; at most {LargestSize:N0} is supported.")
            : throw Wrong(schema, keyword, "a whole number that is not negative");

    private static decimal Number(JsonElement schema, string keyword, JsonElement value) => value.ValueKind != JsonValueKind.Number ? throw Wrong(schema, keyword, "a number") :
        value.TryGetDecimal(out decimal number) ? number : throw new GrammarException($"In the JSON schema, '{keyword}' is {value.GetRawText()}; bounds with more than 28 digits are not supported.");

    private static string TypeOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "array",
        JsonValueKind.String => "string",
        JsonValueKind.Number => value.TryGetDecimal(out decimal number) && decimal.IsInteger(number) ? "integer" : "number",
        JsonValueKind.True or JsonValueKind.False => "boolean",
        _ => "null",
    };

    private static GrammarException Wrong(JsonElement schema, string keyword, string expected) => new($"In the JSON schema, '{keyword}' should be {expected}, in {Excerpt(schema)}.");

    private static string Excerpt(JsonElement schema)
    {
        string text = schema.GetRawText();
        return text.Length <= 80 ? text : $"{text[..80]}…";
    }

    private bool Kind(string type)
    {
        _kinds.Add(type);
        return true;
    }

    private void AddTypes(JsonElement schema, JsonElement value)
    {
        HashSet<string> types = [];
        foreach (JsonElement type in value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : (JsonElement[])[value])
        {
            string name = type.ValueKind == JsonValueKind.String ? type.GetString()! : throw Wrong(schema, "type", "a name or a list of names");
            types.Add(s_types.Contains(name) ? name : throw new GrammarException($"In the JSON schema, there is no type '{name}'; types are {string.Join(", ", s_types)}."));
        }

        if (types.Contains("number"))
        {
            types.Add("integer");
        }

        if (_types is null)
        {
            _types = types;
        }
        else
        {
            _types.IntersectWith(types);
        }
    }

    private void AddFormat(string format)
    {
        switch (format)
        {
            case "int32":
                Raise(int.MinValue, isOpen: false);
                Lower(int.MaxValue, isOpen: false);
                break;
            case "int64" or "float" or "double":
                break;
            default:
                Kind("string");
                _patterns.Add(JsonFormats.Find(format) ?? throw new GrammarException($"In the JSON schema, the format '{format}' is not supported; supported are {string.Join(", ", JsonFormats.Names)}."));
                break;
        }
    }

    private void AddReference(string reference)
    {
        if (_open.Contains(reference))
        {
            throw new GrammarException($"In the JSON schema, the reference '{reference}' leads to itself.");
        }

        if (!_references.Add(reference))
        {
            return;
        }

        if (!reference.StartsWith('#') || (reference.Length > 1 && reference[1] != '/'))
        {
            throw new GrammarException($"In the JSON schema, the reference '{reference}' is not supported; references to places in the same schema are, as in #/$defs/name.");
        }

        JsonElement target = _root;
        foreach (string part in Uri.UnescapeDataString(reference).Split('/').Skip(1))
        {
            string name = part.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            target = target.ValueKind == JsonValueKind.Object && target.TryGetProperty(name, out JsonElement member) ? member :
                target.ValueKind == JsonValueKind.Array && int.TryParse(name, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out int index) && index < target.GetArrayLength() ? target[index] :
                throw new GrammarException($"In the JSON schema, the reference '{reference}' leads nowhere: there is no '{name}'.");
        }

        _open.Push(reference);
        Add(target);
        _open.Pop();
    }

    private void Restrict(IReadOnlyList<JsonElement> values) =>
        Values = Values is null ? values : [.. Values.Where(value => values.Any(other => JsonElement.DeepEquals(value, other)))];

    private void Raise(decimal bound, bool isOpen)
    {
        Kind("number");
        if (Least is null || bound >= Least)
        {
            IsAbove = isOpen || (bound == Least && IsAbove);
            Least = bound;
        }
    }

    private void Lower(decimal bound, bool isOpen)
    {
        Kind("number");
        if (Most is null || bound <= Most)
        {
            IsBelow = isOpen || (bound == Most && IsBelow);
            Most = bound;
        }
    }

    // Of 'oneOf', exactly one may fit: a grammar cannot count, so two that could fit one value are refused.
    private void RefuseOverlap(List<JsonElement> ways)
    {
        for (int i = 0; i < ways.Count; i++)
        {
            for (int j = i + 1; j < ways.Count; j++)
            {
                if (!AreDifferent([ways[i]], [ways[j]], _types, 0))
                {
                    throw new GrammarException($"In the JSON schema, 'oneOf' is supported only where a type, a value or a required property tells its schemas apart: {Excerpt(ways[i])} and {Excerpt(ways[j])} could both fit. Write 'anyOf' if that does not matter.");
                }
            }
        }
    }

    // Whether no value fits both: by its type, which may be known before, by what is listed, or by a property that one of them requires.
    private bool AreDifferent(IReadOnlyList<JsonElement> left, IReadOnlyList<JsonElement> right, IReadOnlySet<string>? known, int depth)
    {
        if (depth > DeepestComparison)
        {
            return false;
        }

        JsonSchemaFacts one = Alone(left);
        JsonSchemaFacts other = Alone(right);
        if (one.IsImpossible || other.IsImpossible)
        {
            return true;
        }

        string[] types = one.NamedTypes(known);
        string[] otherTypes = other.NamedTypes(known);
        if (!types.Intersect(otherTypes).Any())
        {
            return true;
        }

        if (one.Values is not null && other.Values is not null)
        {
            return !one.Values.Any(value => other.Values.Any(second => JsonElement.DeepEquals(value, second)));
        }

        // A value of both would have what one of them requires, and it would fit both.
        return types is ["object"] && otherTypes is ["object"] && one._required.Union(other._required).Any(name => AreDifferent(one.Property(name), other.Property(name), null, depth + 1));
    }

    private JsonSchemaFacts Alone(IReadOnlyList<JsonElement> schemas)
    {
        JsonSchemaFacts facts = new(_root);
        foreach (JsonElement schema in schemas)
        {
            facts.Add(schema);
        }

        return facts;
    }

    // The types that fit by what is said, and not by what is usual.
    private string[] NamedTypes(IReadOnlySet<string>? known)
    {
        IEnumerable<string> types = Values is not null ? Values.Where(Fits).Select(TypeOf) : _types ?? [.. s_types];
        return [.. types.Where(type => known?.Contains(type) != false).Distinct()];
    }
}
