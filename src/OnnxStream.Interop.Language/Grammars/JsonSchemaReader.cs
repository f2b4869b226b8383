using System.Text.Json;

namespace OnnxStream.Interop.Language.Grammars;

/// <summary>Makes rules of a JSON schema. What holds at one place may come from several schemas; a place is known by them, so that schemas may contain themselves.</summary>
internal sealed class JsonSchemaReader
{
    private const int MostDepth = 300;
    private const int MostRules = 50_000;

    private readonly JsonTexts _texts;
    private readonly JsonElement _root;
    private readonly string _prefix;
    private readonly Dictionary<string, GrammarExpression> _known = new(StringComparer.Ordinal);
    private int _depth;
    private int _count;

    /// <summary>Prepares.</summary>
    /// <param name="texts">Receives the rules.</param>
    /// <param name="root">The schema, which its references look for their targets in.</param>
    /// <param name="prefix">What names of rules begin with: another one for each schema.</param>
    public JsonSchemaReader(JsonTexts texts, JsonElement root, string prefix = "schema")
    {
        _texts = texts;
        _root = root;
        _prefix = prefix;
    }

    /// <summary>The texts that fit the schema.</summary>
    /// <exception cref="GrammarException">It is no schema, or has something that is not supported.</exception>
    public GrammarExpression Read() => Value([_root]);

    // A value for which all of some schemas hold.
    private GrammarExpression Value(IReadOnlyList<JsonElement> schemas)
    {
        string[] parts = [.. schemas.Select(schema => schema.GetRawText()).Distinct().Order(StringComparer.Ordinal)];
        string key = string.Join('\n', parts);
        if (_known.TryGetValue(key, out GrammarExpression? known))
        {
            return known;
        }

        string name = NewName();
        GrammarExpression call = _known[key] = new GrammarExpression.Rule(name);
        if (++_depth > MostDepth)
        {
            throw new GrammarException($"The JSON schema has more than {MostDepth} schemas inside each other.");
        }

        JsonSchemaFacts facts = new(_root);
        foreach (JsonElement schema in schemas)
        {
            facts.Add(schema);
        }

        _texts.Rules.Add(name, Value(facts));
        _depth--;
        return call;
    }

    private GrammarExpression Value(JsonSchemaFacts facts)
    {
        if (facts.IsImpossible)
        {
            return GrammarExpression.Nothing;
        }

        if (facts.TakeChoice() is { } alternatives)
        {
            // Each way is a schema of its own, together with the rest.
            return GrammarExpression.Any([.. alternatives.Select(alternative =>
            {
                JsonSchemaFacts way = facts.Copy();
                way.Add(alternative);
                return Value(way);
            })]);
        }

        if (facts.Values is { } values)
        {
            facts.RefuseBesideValues();
            return GrammarExpression.Any([.. values.Where(facts.Fits).Select(Exactly)]);
        }

        return GrammarExpression.Any([.. facts.Types.Order(StringComparer.Ordinal).Select(type => type switch
        {
            "object" => Object(facts),
            "array" => List(facts),
            "string" => Text(facts),
            "number" => facts.HasBounds ? JsonNumbers.Between(facts.Least, facts.Most, facts.IsAbove, facts.IsBelow) : _texts.Number,
            "integer" => facts.HasBounds ? JsonNumbers.Whole(facts.LeastWhole, facts.MostWhole) : _texts.Integer,
            "boolean" => _texts.Boolean,
            _ => _texts.Null,
        })]);
    }

    private static GrammarExpression Exactly(JsonElement value) => value.ValueKind == JsonValueKind.String ? JsonTexts.Exactly(value.GetString()!) : GrammarExpression.Text(value.GetRawText());

    private GrammarExpression Text(JsonSchemaFacts facts)
    {
        string? pattern = facts.Pattern;
        if (pattern is not null && (facts.LeastLength > 0 || facts.MostLength is not null))
        {
            throw new GrammarException("In the JSON schema, 'minLength' and 'maxLength' are not supported beside 'pattern' and 'format': say how long the text is in the pattern.");
        }

        return pattern is not null ? JsonTexts.Quoted(PatternParser.Parse(pattern, JsonTexts.Characters)) :
            facts.LeastLength == 0 && facts.MostLength is null ? _texts.AnyText :
            facts.MostLength < facts.LeastLength ? GrammarExpression.Nothing :
            JsonTexts.Quoted(new GrammarExpression.Repetition(_texts.Character, facts.LeastLength, facts.MostLength));
    }

    // Rules for what may stand from a property on: one where none has been written yet, one behind another.
    private GrammarExpression Object(JsonSchemaFacts facts)
    {
        IReadOnlyList<string> names = facts.PropertyNames;
        IReadOnlyList<JsonElement>? others = facts.OtherProperties;
        if (names.Count == 0)
        {
            if (facts.LeastProperties == 0 && facts.MostProperties is null && others is [])
            {
                return _texts.AnyObject;
            }

            if (others is null || facts.MostProperties == 0)
            {
                return facts.LeastProperties > 0 ? GrammarExpression.Nothing : _texts.Braces(GrammarExpression.Empty);
            }

            return facts.MostProperties < facts.LeastProperties
                ? GrammarExpression.Nothing
                : _texts.Braces(OneOrMore(_texts.Member(_texts.AnyText, Value(others)), facts.LeastProperties, facts.MostProperties));
        }

        if (facts.LeastProperties > facts.RequiredCount || facts.MostProperties < names.Count || (facts.MostProperties is not null && others is not null))
        {
            throw new GrammarException("In the JSON schema, 'minProperties' and 'maxProperties' are not supported beside 'properties': say with 'required' which there are.");
        }

        string rules = NewName();
        GrammarExpression? other = others is null ? null : _texts.Member(JsonTexts.Quoted(JsonTexts.Except([.. names.Select(name => name.EnumerateRunes().ToArray())])), Value(others));
        GrammarExpression first = other is null ? GrammarExpression.Empty : GrammarExpression.Optional(_texts.List(other, 1, null));
        GrammarExpression next = other is null ? _texts.Space : GrammarExpression.All(GrammarExpression.Many(_texts.Next(other)), _texts.Space);
        for (int i = names.Count - 1; i >= 0; i--)
        {
            GrammarExpression member = _texts.Member(JsonTexts.Exactly(names[i]), Value(facts.Property(names[i])));
            bool isRequired = facts.IsRequired(names[i]);
            GrammarExpression firstHere = GrammarExpression.All(member, next);
            first = isRequired ? firstHere : _texts.Define($"{rules}-first-{i}", GrammarExpression.Any(firstHere, first));
            GrammarExpression nextHere = _texts.Next(member);
            next = _texts.Define($"{rules}-next-{i}", GrammarExpression.All(isRequired ? nextHere : GrammarExpression.Optional(nextHere), next));
        }

        return _texts.Braces(first);
    }

    private GrammarExpression List(JsonSchemaFacts facts)
    {
        int least = facts.LeastItems;
        int? most = facts.MostItems;
        int count = Math.Min(facts.PlaceCount, most ?? int.MaxValue);
        IReadOnlyList<JsonElement>? others = facts.OtherItems;
        if (others is null)
        {
            most = Math.Min(most ?? int.MaxValue, count);
        }

        if (most < least)
        {
            return GrammarExpression.Nothing;
        }

        if (count == 0)
        {
            return most == 0 ? _texts.Brackets(GrammarExpression.Empty) : others is [] && least == 0 && most is null ? _texts.AnyArray : _texts.Brackets(OneOrMore(Value(others!), least, most));
        }

        string rules = NewName();
        GrammarExpression rest = others is null || most == count ? _texts.Space : GrammarExpression.All(
            new GrammarExpression.Repetition(_texts.Next(Value(others)), Math.Max(0, least - count), most - count), _texts.Space);
        for (int i = count - 1; i > 0; i--)
        {
            GrammarExpression more = GrammarExpression.All(_texts.Next(Value(facts.Place(i))), rest);
            rest = _texts.Define($"{rules}-{i}", i < least ? more : GrammarExpression.Any(_texts.Space, more));
        }

        GrammarExpression elements = GrammarExpression.All(Value(facts.Place(0)), rest);
        return _texts.Brackets(least > 0 ? elements : GrammarExpression.Optional(elements));
    }

    private GrammarExpression OneOrMore(GrammarExpression item, int least, int? most)
    {
        GrammarExpression list = _texts.List(item, Math.Max(least, 1), most);
        return least > 0 ? list : GrammarExpression.Optional(list);
    }

    private string NewName() => ++_count <= MostRules ? $"{_prefix}-{_count}" : throw new GrammarException($"The JSON schema is too large: it needs more than {MostRules:N0} rules.");
}
