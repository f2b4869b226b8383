using System.Text.Json.Nodes;

namespace OnnxStream.Interop.Language.Tests.Grammars;

/// <summary>JSON schemas of random shapes, of all keywords that are supported.</summary>
internal sealed class RandomSchema(int seed)
{
    private readonly Random _random = new(seed);

    /// <summary>A schema.</summary>
    public JsonObject Make()
    {
        JsonObject schema = Schema(3);
        schema["$defs"] = new JsonObject
        {
            ["leaf"] = Leaf(),
            ["tree"] = new JsonObject
            {
                ["type"] = "object",
                ["properties"] = new JsonObject { ["value"] = Leaf(), ["children"] = new JsonObject { ["type"] = "array", ["items"] = Reference("tree"), ["maxItems"] = 2 } },
                ["required"] = new JsonArray("value"),
                ["additionalProperties"] = false,
            },
        };
        return schema;
    }

    private static JsonObject Reference(string name) => new() { ["$ref"] = $"#/$defs/{name}" };

    private JsonObject Schema(int depth) => depth == 0 ? Leaf() : _random.Next(10) switch
    {
        0 or 1 or 2 => Object(depth),
        3 => List(depth),
        4 => Tuple(depth),
        5 => new JsonObject { ["anyOf"] = new JsonArray(Schema(depth - 1), Schema(depth - 1)) },
        6 => new JsonObject
        {
            ["oneOf"] = new JsonArray(
                Closed(new JsonObject { ["kind"] = new JsonObject { ["const"] = "a" }, ["x"] = Schema(depth - 1) }, "kind"),
                Closed(new JsonObject { ["kind"] = new JsonObject { ["enum"] = new JsonArray("b", "c") } }, "kind")),
        },
        7 => new JsonObject
        {
            ["allOf"] = new JsonArray(
                new JsonObject { ["type"] = "object", ["properties"] = new JsonObject { ["left"] = Schema(depth - 1) }, ["required"] = new JsonArray("left") },
                new JsonObject { ["properties"] = new JsonObject { ["right"] = Schema(depth - 1), ["left"] = true } }),
        },
        8 => Reference(_random.Next(2) == 0 ? "leaf" : "tree"),
        _ => Leaf(),
    };

    private static JsonObject Closed(JsonObject properties, params string[] required) => new()
    {
        ["type"] = "object",
        ["properties"] = properties,
        ["required"] = new JsonArray([.. required.Select(name => (JsonNode)name)]),
        ["additionalProperties"] = false,
    };

    private JsonObject Object(int depth)
    {
        string[] names = ["name", "age", "é", "a b", "x\"y", "deep"];
        JsonObject properties = [];
        JsonArray required = [];
        foreach (string name in names.Take(_random.Next(1, 5)))
        {
            properties[name] = Schema(depth - 1);
            if (_random.Next(2) == 0)
            {
                required.Add(name);
            }
        }

        JsonObject schema = new() { ["type"] = "object", ["properties"] = properties };
        if (required.Count > 0)
        {
            schema["required"] = required;
        }

        if (_random.Next(3) == 0)
        {
            schema["additionalProperties"] = false;
        }

        return schema;
    }

    private JsonObject List(int depth)
    {
        JsonObject schema = new() { ["type"] = "array", ["items"] = Schema(depth - 1), ["maxItems"] = _random.Next(2, 4) };
        if (_random.Next(2) == 0)
        {
            schema["minItems"] = _random.Next(0, 3);
        }

        return schema;
    }

    private JsonObject Tuple(int depth) => new()
    {
        ["type"] = "array",
        ["prefixItems"] = new JsonArray(Schema(depth - 1), Leaf()),
        ["items"] = _random.Next(2) == 0 ? false : Leaf(),
        ["minItems"] = _random.Next(0, 3),
        ["maxItems"] = 3,
    };

    private JsonObject Leaf() => _random.Next(12) switch
    {
        0 => new JsonObject { ["type"] = "integer" },
        1 => new JsonObject { ["type"] = "integer", ["minimum"] = _random.Next(-2000, 10), ["exclusiveMaximum"] = _random.Next(11, 3000) },
        2 => new JsonObject { ["type"] = "number", ["exclusiveMinimum"] = _random.Next(-50, 10) / 4.0, ["maximum"] = _random.Next(11, 3000) / 8.0 },
        3 => new JsonObject { ["type"] = "number" },
        4 => new JsonObject { ["type"] = "string", ["maxLength"] = 20 },
        5 => new JsonObject { ["type"] = "string", ["minLength"] = 2, ["maxLength"] = 5 },
        6 => new JsonObject { ["type"] = "string", ["pattern"] = "^[A-Z][a-z]{1,4}( [0-9]+)?$" },
        7 => new JsonObject { ["type"] = "string", ["format"] = (string[])["date", "time", "date-time", "uuid", "ipv4"] is var formats ? formats[_random.Next(5)] : null },
        8 => new JsonObject { ["enum"] = new JsonArray("red", 5, null, new JsonArray(1, "two"), "grün") },
        9 => new JsonObject { ["type"] = "boolean" },
        10 => new JsonObject { ["type"] = new JsonArray("integer", "null") },
        _ => new JsonObject { ["const"] = "fixed" },
    };
}
