namespace OnnxStream.Interop.Language.Templates;

/// <summary>Takes arguments by place or by name.</summary>
/// <param name="what">What is called, for errors.</param>
/// <param name="arguments">What it is given by place.</param>
/// <param name="named">What it is given by name.</param>
internal readonly struct CallArguments(string what, IReadOnlyList<object?> arguments, IReadOnlyDictionary<string, object?> named)
{
    /// <summary>How many are given by place.</summary>
    public int Count => arguments.Count;

    /// <summary>An argument, or what stands for it.</summary>
    public object? Get(int place, string name, object? otherwise = null) =>
        place < arguments.Count ? arguments[place] : named.TryGetValue(name, out object? value) ? value : otherwise;

    /// <summary>An argument that must be given.</summary>
    public object? Require(int place, string name) =>
        place < arguments.Count || named.ContainsKey(name) ? Get(place, name) : throw new ChatTemplateException($"The chat template calls '{what}' without '{name}'.");

    /// <summary>A text; null where it is left out or None.</summary>
    public string? Text(int place, string name) => Get(place, name) switch
    {
        null => null,
        string text => text,
        var value => throw new ChatTemplateException($"The chat template gives '{what}' {TemplateValues.TypeName(value)} as '{name}', which must be a text."),
    };

    /// <summary>A text that must be given.</summary>
    public string RequireText(int place, string name) => Text(place, name) ?? throw new ChatTemplateException($"The chat template calls '{what}' without '{name}'.");

    /// <summary>A whole number, or what stands for it.</summary>
    public long Integer(int place, string name, long otherwise) => Get(place, name) is { } value ? TemplateValues.RequireInteger(value, $"'{name}' of '{what}'") : otherwise;

    /// <summary>A truth value, or what stands for it.</summary>
    public bool Flag(int place, string name, bool otherwise) => Get(place, name) is { } value ? TemplateValues.IsTrue(value) : otherwise;
}
