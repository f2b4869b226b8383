using OnnxStream.Interop.Language.Grammars;

namespace OnnxStream.Interop.Language.Tests.Grammars;

/// <summary>Schemas become grammars of texts that fit them; what is not supported is refused by its name.</summary>
public class JsonSchemaReaderTests
{
    private static readonly object[] s_schemas =
    [
        new object[] { "{}", new[] { "{}", "[1, \"a\", null]", "-1.5e+10", "\"\\ud83d\\ude00\\n😀\"", "{\n  \"a\": {\n    \"b\": []\n  }\n}" }, new[] { "", "{", "01", "\"\\ud83d\"", "\"\n\"", "nul", "{\"a\"}", "[1,]", " 1" } },
        new object[] { "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"string\"},\"c\":{\"type\":\"null\"}},\"required\":[\"b\"]}", new[] { "{\"b\":\"x\"}", "{\"a\":1,\"b\":\"\"}", "{ \"a\": 1, \"b\": \"x\", \"c\": null}", "{\"b\":\"\",\"c\":null}" }, new[] { "{}", "{\"a\":1}", "{\"b\":1}", "{\"b\":\"x\",\"a\":1}", "{\"b\":\"x\",\"d\":1}", "{\"a\":1,}" } },
        new object[] { "{\"properties\":{\"a\":{\"const\":1}},\"additionalProperties\":{\"type\":\"boolean\"}}", new[] { "{}", "{\"a\":1}", "{\"a\":1,\"x\":true,\"aa\":false}", "{\"\":true}" }, new[] { "{\"x\":1}", "{\"a\":true}", "{\"x\":true,\"a\":true}", "{\"\\u0061\":true}" } },
        new object[] { "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\"},\"minProperties\":1,\"maxProperties\":2}", new[] { "{\"a\":1}", "{\"a\":1,\"b\":2}" }, new[] { "{}", "{\"a\":1,\"b\":2,\"c\":3}", "{\"a\":\"x\"}" } },
        new object[] { "{\"type\":\"object\",\"properties\":{}}", new[] { "{}", "{ }" }, new[] { "{\"a\":1}" } },
        new object[] { "{\"type\":\"object\",\"required\":[\"q\\\"\"]}", new[] { "{\"q\\\"\":[]}" }, new[] { "{}", "{\"q\":1}" } },
        new object[] { "{\"type\":\"array\",\"items\":{\"enum\":[1,\"a\",{\"b\":[2]}]},\"minItems\":1,\"maxItems\":3}", new[] { "[1]", "[\"a\",{\"b\":[2]}, 1]" }, new[] { "[]", "[2]", "[1,1,1,1]" } },
        new object[] { "{\"prefixItems\":[{\"type\":\"integer\"},{\"type\":\"string\"}],\"items\":{\"type\":\"null\"},\"minItems\":1}", new[] { "[1]", "[1,\"a\"]", "[1,\"a\",null,null]" }, new[] { "[]", "[\"a\"]", "[1,null]" } },
        new object[] { "{\"prefixItems\":[{\"type\":\"integer\"},{\"type\":\"string\"}],\"items\":false}", new[] { "[]", "[1]", "[1,\"a\"]" }, new[] { "[1,\"a\",1]" } },
        new object[] { "{\"type\":\"array\",\"maxItems\":0}", new[] { "[]" }, new[] { "[1]" } },
        new object[] { "{\"type\":\"string\",\"minLength\":2,\"maxLength\":3}", new[] { "\"ab\"", "\"é☃😀\"", "\"\\n\\u0041\"", "\"\\ud83d\\ude00b\"" }, new[] { "\"a\"", "\"abcd\"", "ab" } },
        new object[] { "{\"type\":\"string\",\"pattern\":\"^[a-c\\\\\\\\\\\"\\\\n]{1,2}$\"}", new[] { "\"a\"", "\"\\\\\\\"\"", "\"\\n\"" }, new[] { "\"d\"", "\"\"", "\"abc\"" } },
        new object[] { "{\"pattern\":\"b\"}", new[] { "\"b\"", "\"abc\"" }, new[] { "\"a\"", "1" } },
        new object[] { "{\"type\":[\"string\",\"null\"],\"enum\":[\"a\",null,3]}", new[] { "\"a\"", "null" }, new[] { "3", "a" } },
        new object[] { "{\"anyOf\":[{\"type\":\"integer\",\"minimum\":5,\"exclusiveMaximum\":7},{\"type\":\"boolean\"}]}", new[] { "5", "6", "true" }, new[] { "7", "4", "\"a\"" } },
        new object[] { "{\"type\":\"number\",\"minimum\":0,\"maximum\":1}", new[] { "0", "1", "0.5", "1.0" }, new[] { "-0.1", "1.01", "2" } },
        new object[] { "{\"allOf\":[{\"properties\":{\"a\":{\"type\":\"integer\"}},\"required\":[\"a\"]},{\"properties\":{\"b\":{\"type\":\"integer\"},\"a\":{\"minimum\":3}}}],\"type\":\"object\"}", new[] { "{\"a\":3}", "{\"a\":4,\"b\":1}" }, new[] { "{\"a\":2}", "{\"b\":1}" } },
        new object[] { "{\"oneOf\":[{\"properties\":{\"k\":{\"const\":\"x\"},\"n\":{\"type\":\"integer\"}},\"required\":[\"k\"]},{\"properties\":{\"k\":{\"const\":\"y\"}},\"required\":[\"k\"]}],\"type\":\"object\"}", new[] { "{\"k\":\"x\",\"n\":1}", "{\"k\":\"y\"}" }, new[] { "{\"k\":\"y\",\"n\":1}", "{}" } },
        new object[] { "{\"$ref\":\"#/$defs/tree\",\"$defs\":{\"tree\":{\"type\":\"object\",\"properties\":{\"v\":{\"type\":\"integer\"},\"next\":{\"anyOf\":[{\"$ref\":\"#/$defs/tree\"},{\"type\":\"null\"}]}},\"required\":[\"v\",\"next\"]}}}", new[] { "{\"v\":1,\"next\":null}", "{\"v\":1,\"next\":{\"v\":2,\"next\":null}}" }, new[] { "{\"v\":1}", "null" } },
        new object[] { "{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}}", new[] { "[]", "[[],[[]]]" }, new[] { "[1]" } },
        new object[] { "{\"format\":\"date\"}", new[] { "\"2026-11-30\"", "\"2024-02-29\"", "\"2000-02-29\"" }, new[] { "\"2026-02-29\"", "\"1900-02-29\"", "\"2026-13-01\"", "\"0000-01-01\"", "\"2026-04-31\"" } },
        new object[] { "{\"format\":\"date-time\"}", new[] { "\"2026-11-30T23:59:59Z\"", "\"2026-11-30T00:00:00.125+01:00\"" }, new[] { "\"2026-11-30\"", "\"2026-11-30T24:00:00Z\"" } },
        new object[] { "{\"format\":\"time\"}", new[] { "\"12:30:00Z\"" }, new[] { "\"12:30\"" } },
        new object[] { "{\"format\":\"uuid\"}", new[] { "\"123e4567-e89b-12d3-a456-426614174000\"" }, new[] { "\"123e4567-e89b-12d3-a456-42661417400\"" } },
        new object[] { "{\"format\":\"duration\"}", new[] { "\"P1DT2H\"", "\"PT5M\"", "\"P3W\"" }, new[] { "\"P\"", "\"PT\"", "\"1D\"" } },
        new object[] { "{\"format\":\"ipv4\"}", new[] { "\"192.168.0.255\"" }, new[] { "\"256.1.1.1\"", "\"1.1.1\"" } },
        new object[] { "{\"format\":\"email\"}", new[] { "\"a.b@example.org\"" }, new[] { "\"a@\"", "\"@b.c\"" } },
        new object[] { "{\"format\":\"uri\"}", new[] { "\"https://example.org:80/a/b\"" }, new[] { "\"example\"" } },
        new object[] { "{\"type\":\"integer\",\"format\":\"int32\"}", new[] { "2147483647", "-2147483648" }, new[] { "2147483648" } },
        new object[] { "true", new[] { "1", "{}" }, new[] { "" } },
        new object[] { "{\"type\":\"object\",\"properties\":{\"a\":false,\"b\":true},\"title\":\"t\",\"x-mine\":1}", new[] { "{}", "{\"b\":[1]}" }, new[] { "{\"a\":1}" } },
    ];

    [TestCaseSource(nameof(s_schemas))]
    public void TextsAreThoseThatTheSchemaDescribes(string schema, string[] good, string[] bad)
    {
        Grammar grammar = Grammar.FromJsonSchema(schema);
        using (Assert.EnterMultipleScope())
        {
            Array.ForEach(good, text => Assert.That(grammar.Matches(text), Is.True, text));
            Array.ForEach(bad, text => Assert.That(grammar.Matches(text), Is.False, text));
        }
    }

    [TestCase("{\"type\":\"array\",\"contains\":{}}", "the keyword 'contains' is not supported")]
    [TestCase("{\"not\":{}}", "'not' is not supported")]
    [TestCase("{\"patternProperties\":{}}", "'patternProperties' is not supported")]
    [TestCase("{\"type\":\"array\",\"uniqueItems\":true}", "'uniqueItems' is not supported")]
    [TestCase("{\"type\":\"integer\",\"multipleOf\":3}", "'multipleOf' is not supported")]
    [TestCase("{\"if\":{}}", "'if' is not supported")]
    [TestCase("{\"minLenght\":1}", "'minLenght' is not supported")]
    [TestCase("{\"properties\":{\"a\":{\"dependentRequired\":{}}}}", "'dependentRequired' is not supported")]
    [TestCase("{\"format\":\"idn-email\"}", "the format 'idn-email' is not supported")]
    [TestCase("{\"type\":\"text\"}", "no type 'text'")]
    [TestCase("{\"type\":1}", "'type' should be")]
    [TestCase("{\"enum\":1}", "'enum' should be a list")]
    [TestCase("{\"enum\":[\"a\"],\"minLength\":1}", "'minLength' is not supported beside 'enum'")]
    [TestCase("{\"pattern\":\"a\",\"minLength\":1}", "not supported beside 'pattern'")]
    [TestCase("{\"pattern\":\"(?=a)\"}", "look ahead")]
    [TestCase("{\"pattern\":\"a\",\"format\":\"uuid\"}", "two patterns")]
    [TestCase("{\"properties\":{\"a\":{}},\"minProperties\":1}", "not supported beside 'properties'")]
    [TestCase("{\"$ref\":\"other.json\"}", "the reference 'other.json' is not supported")]
    [TestCase("{\"$ref\":\"#/$defs/a\"}", "leads nowhere")]
    [TestCase("{\"$ref\":\"#\"}", "leads to itself")]
    [TestCase("{\"$defs\":{\"a\":{\"$ref\":\"#/$defs/b\"},\"b\":{\"$ref\":\"#/$defs/a\"}},\"$ref\":\"#/$defs/a\"}", "leads to itself")]
    [TestCase("{\"anyOf\":[]}", "'anyOf' should be a list of schemas")]
    [TestCase("{\"items\":[{}]}", "'prefixItems' since 2020")]
    [TestCase("{\"minItems\":-1}", "'minItems' should be a whole number")]
    [TestCase("{\"maxLength\":1000000}", "at most 100,000")]
    [TestCase("{\"minimum\":1e300}", "more than 28 digits")]
    [TestCase("{\"required\":\"a\"}", "'required' should be a list of names")]
    [TestCase("{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"number\"}]}", "'oneOf' is supported only where")]
    [TestCase("{\"oneOf\":[{\"oneOf\":[{\"$ref\":\"#\"},{}]},{}]}", "oneOf")]
    [TestCase("{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#\"}},\"required\":[\"a\"]}", "No text fits")]
    [TestCase("{\"type\":\"integer\",\"minimum\":2,\"maximum\":1}", "No text fits")]
    [TestCase("false", "No text fits")]
    [TestCase("[]", "Expected a JSON schema")]
    [TestCase("{", "not JSON")]
    [TestCase("{\"const\":\"\\ud800\"}", "half of a surrogate pair")]
    public void WhatIsNotSupportedIsRefusedByItsName(string schema, string message) =>
        Assert.That(() => Grammar.FromJsonSchema(schema), Throws.TypeOf<GrammarException>().With.Message.Contains(message));

    [Test]
    public void LargeSchemasAreReadQuickly()
    {
        string properties = string.Join(",", Enumerable.Range(0, 1000).Select(i => $"\"property{i}\":{{\"type\":\"string\",\"maxLength\":{i}}}"));
        Grammar grammar = Grammar.FromJsonSchema($"{{\"type\":\"object\",\"properties\":{{{properties}}}}}");
        Assert.That(grammar.Matches("{\"property5\":\"abcde\",\"property999\":\"x\"}"), Is.True);
        Assert.That(grammar.Matches("{\"property5\":\"abcdef\"}"), Is.False);
    }

    [Test]
    public void AnyJsonObjectIsOne()
    {
        Assert.That(Grammar.JsonObject.Matches("{\"a\": [1, {\"b\": null}], \"c\": \"d\"}"), Is.True);
        Assert.That(Grammar.JsonObject.Matches("[]"), Is.False);
    }
}
