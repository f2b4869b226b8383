using System.Text;
using System.Text.Json.Nodes;

namespace OnnxStream.Interop.Server.Tests.Http;

/// <summary>Requests that are made of an OpenAPI document: first as it says, then with one or more things that it does not say.</summary>
/// <param name="document">The document.</param>
/// <param name="random">Decides; the same seed makes the same requests.</param>
internal sealed class OpenApiCases(JsonObject document, Random random)
{
    private static readonly string[] s_texts = ["", "x", "\0", "\u202e\u0301\ud83d\ude00", "../../etc/passwd", "tiny-shapes", "tiny-llm", "none", "%s{0}${x}", "64x64", "-1x0", "NaN", "1e999", new('a', 5000), "null", "data:image/png;base64,AAAA", "AAAA", "\r\nX: y"];

    private static readonly string[] s_numbers = ["0", "-1", "1", "0.5", "64", "2147483647", "2147483648", "-9223372036854775808", "18446744073709551616", "1e308", "1e999", "-1e-999", "0.1e1", "123456789012345678901234567890"];

    private static readonly (string Type, int Weight)[] s_types = [("application/json", 40), ("application/json; charset=utf-16", 1), ("text/plain", 1), ("multipart/form-data", 1), ("application/x-www-form-urlencoded", 1), ("", 1)];

    private readonly (string Path, string Method, JsonObject Operation)[] _operations =
    [
        .. document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject().Select(operation => (path.Key, operation.Key.ToUpperInvariant(), operation.Value!.AsObject()))),
    ];

    /// <summary>The number of endpoints.</summary>
    public int OperationCount => _operations.Length;

    /// <summary>A request to an endpoint.</summary>
    /// <param name="operation">Which endpoint.</param>
    public HttpRequestMessage Next(int operation)
    {
        (string path, string method, JsonObject described) = _operations[operation];
        foreach (JsonNode? parameter in described["parameters"]?.AsArray() ?? [])
        {
            string name = (string)parameter!["name"]!;

            // Kestrel itself refuses an address with a zero, without a body.
            string text = (random.Next(2) == 0 ? Pick(s_texts) : Pick(s_numbers)).Replace('\0', '\u0001');
            path = path.Replace($"{{{name}}}", Uri.EscapeDataString(text), StringComparison.Ordinal);
        }

        if (random.Next(30) == 0)
        {
            method = Pick(["GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"]);
        }

        HttpRequestMessage request = new(new HttpMethod(method), new Uri(path.Length > 3000 ? path[..3000] : path, UriKind.Relative));
        if (described["requestBody"]?["content"]?["application/json"]?["schema"] is { } schema)
        {
            StringBuilder body = new();
            Write(body, schema, schema, oddity: random.Next(4) == 0 ? 0 : 0.15, depth: 0);
            request.Content = new ByteArrayContent(Spoil(Encoding.UTF8.GetBytes(body.ToString())));
        }
        else if (method is not ("GET" or "HEAD"))
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(Pick(["", "{}", "--x\r\n\r\n--x--", "x=y"])));
        }

        string type = PickType();
        if (type.Length > 0)
        {
            request.Content?.Headers.TryAddWithoutValidation("Content-Type", type);
        }

        return request;
    }

    // A value of a schema; oddity is how likely each part is something else.
    private void Write(StringBuilder body, JsonNode schema, JsonNode root, double oddity, int depth)
    {
        if (random.NextDouble() < oddity || depth > 12)
        {
            WriteAnything(body, depth > 12 ? 3 : 0);
            return;
        }

        if (schema is not JsonObject { Count: > 0 } shape)
        {
            WriteAnything(body, 1);
            return;
        }

        if ((string?)shape["$ref"] is { } reference)
        {
            Write(body, Resolve(root, reference), root, oddity, depth + 1);
        }
        else if ((shape["anyOf"] ?? shape["oneOf"]) is JsonArray { Count: > 0 } choices)
        {
            Write(body, choices[random.Next(choices.Count)]!, root, oddity, depth + 1);
        }
        else if (shape["enum"] is JsonArray { Count: > 0 } values)
        {
            body.Append(values[random.Next(values.Count)]?.ToJsonString() ?? "null");
        }
        else
        {
            WriteOfType(body, shape, root, oddity, depth);
        }
    }

    private void WriteOfType(StringBuilder body, JsonObject shape, JsonNode root, double oddity, int depth)
    {
        string type = shape["type"] switch { JsonArray { Count: > 0 } types => (string)types[random.Next(types.Count)]!, { } one => (string)one!, _ => shape["properties"] is null ? "null" : "object" };
        switch (type)
        {
            case "object":
                HashSet<string> required = [.. (shape["required"]?.AsArray() ?? []).Select(name => (string)name!)];
                List<Action> members = [];
                foreach ((string name, JsonNode? property) in shape["properties"]?.AsObject() ?? [])
                {
                    if (required.Contains(name) ? random.NextDouble() >= oddity / 3 : random.Next(4) == 0)
                    {
                        members.Add(() =>
                        {
                            body.Append(JsonValue.Create(name).ToJsonString()).Append(':');
                            Write(body, property!, root, name is "model" or "messages" ? oddity / 2 : oddity, depth + 1);
                        });
                    }
                }

                if (random.NextDouble() < oddity / 4)
                {
                    members.Add(() => body.Append("\"unknown\":1"));
                }

                body.Append('{');
                Join(body, members);
                body.Append('}');
                break;
            case "array":
                body.Append('[');
                Join(body, [.. Enumerable.Range(0, random.NextDouble() < oddity / 4 ? 1000 : random.Next(3)).Select(_ => (Action)(() => Write(body, shape["items"] ?? new JsonObject(), root, oddity, depth + 1)))]);
                body.Append(']');
                break;
            case "string":
                body.Append(JsonValue.Create(Pick(s_texts)).ToJsonString());
                break;
            case "integer":
                body.Append(random.NextDouble() < oddity ? Pick(s_numbers) : $"{random.Next(1, 5)}");
                break;
            case "number":
                body.Append(random.NextDouble() < oddity ? Pick(s_numbers) : "0.5");
                break;
            case "boolean":
                body.Append(random.Next(2) == 0 ? "true" : "false");
                break;
            default:
                body.Append("null");
                break;
        }
    }

    private void WriteAnything(StringBuilder body, int simple)
    {
        switch (random.Next(simple, 8))
        {
            case 0:
                int deep = random.Next(2) == 0 ? 40 : 2000;
                body.Append('[', deep).Append(']', deep);
                break;
            case 1:
                body.Append("{\"a\":{\"b\":[1,null,{}]}}");
                break;
            case 2:
                body.Append("\"\\ud800\"");
                break;
            case 3:
                body.Append("[]");
                break;
            case 4:
                body.Append("null");
                break;
            case 5:
                body.Append("true");
                break;
            case 6:
                body.Append(Pick(s_numbers));
                break;
            default:
                body.Append(JsonValue.Create(Pick(s_texts)).ToJsonString());
                break;
        }
    }

    // Not JSON any more, now and then.
    private byte[] Spoil(byte[] body)
    {
        switch (random.Next(25))
        {
            case 0:
                return body[..random.Next(body.Length + 1)];
            case 1 when body.Length > 0:
                body[random.Next(body.Length)] = (byte)random.Next(256);
                return body;
            case 2:
                return [0xEF, 0xBB, 0xBF, .. body];
            default:
                return body;
        }
    }

    private string PickType()
    {
        int place = random.Next(s_types.Sum(type => type.Weight));
        return s_types.First(type => (place -= type.Weight) < 0).Type;
    }

    private string Pick(string[] values) => values[random.Next(values.Length)];

    private static void Join(StringBuilder body, List<Action> parts)
    {
        for (int i = 0; i < parts.Count; i++)
        {
            body.Append(i == 0 ? "" : ",");
            parts[i]();
        }
    }

    // References lead from the root of the schema that they are in.
    private static JsonNode Resolve(JsonNode root, string reference)
    {
        JsonNode? node = root;
        foreach (string step in reference.TrimStart('#').Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            node = node is JsonArray array ? array[int.Parse(step, System.Globalization.CultureInfo.InvariantCulture)] : node?[step];
        }

        return node ?? new JsonObject();
    }
}
