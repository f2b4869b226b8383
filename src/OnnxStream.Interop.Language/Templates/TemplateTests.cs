namespace OnnxStream.Interop.Language.Templates;

/// <summary>What may stand behind <c>is</c>. https://jinja.palletsprojects.com/en/stable/templates/#list-of-builtin-tests</summary>
internal static class TemplateTests
{
    /// <summary>Whether a test may have an argument without parentheses.</summary>
    public static bool TakesArgument(string name) => name is "divisibleby" or "equalto" or "eq" or "ne" or "gt" or "ge" or "lt" or "le" or "in" or "sameas" or "filter" or "test" or "greaterthan" or "lessthan";

    /// <summary>A test; null if there is none of that name.</summary>
    public static Func<object?, CallArguments, bool>? Find(string name) => name switch
    {
        "defined" => (value, _) => value is not Undefined,
        "undefined" => (value, _) => value is Undefined,
        "none" => (value, _) => value is null,
        "true" => (value, _) => value is true,
        "false" => (value, _) => value is false,
        "boolean" => (value, _) => value is bool,
        "integer" => (value, _) => value is long,
        "float" => (value, _) => value is double,
        "number" => (value, _) => value is long or double or bool,
        "string" => (value, _) => value is string,
        "mapping" => (value, _) => value is TemplateMap,
        "sequence" => (value, _) => value is string or TemplateMap or List<object?> or Undefined,
        "iterable" => (value, _) => value is string or TemplateMap or List<object?> or Undefined,
        "callable" => (value, _) => value is TemplateFunction,
        "odd" => (value, _) => TemplateValues.RequireInteger(value, "'odd'") % 2 != 0,
        "even" => (value, _) => TemplateValues.RequireInteger(value, "'even'") % 2 == 0,
        "divisibleby" => (value, call) => TemplateValues.AsInteger(TemplateValues.Calculate("%", value, call.Require(0, "num"))) == 0,
        "equalto" or "eq" or "sameas" => (value, call) => TemplateValues.AreEqual(value, call.Require(0, "other")),
        "ne" => (value, call) => !TemplateValues.AreEqual(value, call.Require(0, "other")),
        "gt" or "greaterthan" => (value, call) => TemplateValues.Compare(value, call.Require(0, "other")) > 0,
        "ge" => (value, call) => TemplateValues.Compare(value, call.Require(0, "other")) >= 0,
        "lt" or "lessthan" => (value, call) => TemplateValues.Compare(value, call.Require(0, "other")) < 0,
        "le" => (value, call) => TemplateValues.Compare(value, call.Require(0, "other")) <= 0,
        "in" => (value, call) => TemplateValues.Contains(call.Require(0, "seq"), value),
        "lower" => (value, _) => TemplateValues.Text(value) is var text && text.Any(char.IsLower) && !text.Any(char.IsUpper),
        "upper" => (value, _) => TemplateValues.Text(value) is var text && text.Any(char.IsUpper) && !text.Any(char.IsLower),
        _ => null,
    };
}
