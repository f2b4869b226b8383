using System.Text;

namespace OnnxStream.Interop.Language.Templates;

/// <summary>The names that a part of a template sees, and what it may still spend.</summary>
internal sealed class TemplateScope
{
    // A template of a few kilobytes could otherwise work forever.
    private const int MostSteps = 300_000;
    private const int MostDepth = 100;
    private const int MostLength = 64 << 20;

    private readonly Dictionary<string, object?> _values = new(StringComparer.Ordinal);
    private readonly TemplateScope? _parent;
    private readonly Counter _counter;

    /// <summary>The outermost scope.</summary>
    public TemplateScope() => _counter = new Counter();

    /// <summary>A scope inside of another.</summary>
    public TemplateScope(TemplateScope parent)
    {
        _parent = parent;
        _counter = parent._counter;
    }

    /// <summary>The outermost scope.</summary>
    public TemplateScope Root => _parent?.Root ?? this;

    /// <summary>Sets a name in this scope.</summary>
    public void Set(string name, object? value) => _values[name] = value;

    /// <summary>The value of a name, here or further out.</summary>
    public object? Get(string name)
    {
        for (TemplateScope? scope = this; scope is not null; scope = scope._parent)
        {
            if (scope._values.TryGetValue(name, out object? value))
            {
                return value;
            }
        }

        return new Undefined(name);
    }

    /// <summary>Counts a step.</summary>
    public void Step(StringBuilder output)
    {
        if (++_counter.Steps > MostSteps || output.Length > MostLength)
        {
            throw new ChatTemplateException("The chat template takes too many steps, or writes too much text.");
        }
    }

    /// <summary>The text that a part writes: of a macro, or a block whose text is a value.</summary>
    public string Render(Statement body)
    {
        if (++_counter.Depth > MostDepth)
        {
            throw new ChatTemplateException("The chat template calls itself too often.");
        }

        StringBuilder output = new();
        body(new TemplateScope(this), output);
        _counter.Depth--;
        return output.ToString();
    }

    private sealed class Counter
    {
        public int Steps { get; set; }

        public int Depth { get; set; }
    }
}
