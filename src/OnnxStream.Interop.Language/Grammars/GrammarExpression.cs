using System.Collections.Immutable;
using System.Text;

namespace OnnxStream.Interop.Language.Grammars;

/// <summary>What texts look like: the right side of a rule, or a part of one.</summary>
internal abstract class GrammarExpression
{
    /// <summary>The empty text.</summary>
    public static GrammarExpression Empty { get; } = new Sequence([]);

    /// <summary>No text at all: what contains it where nothing else may stand cannot be made.</summary>
    public static GrammarExpression Nothing { get; } = new Choice([]);

    /// <summary>One text.</summary>
    public static GrammarExpression Text(string text) => new Literal(Encoding.UTF8.GetBytes(text));

    /// <summary>One expression behind the other.</summary>
    public static GrammarExpression All(params ReadOnlySpan<GrammarExpression> parts) => parts.Length == 1 ? parts[0] : new Sequence([.. parts]);

    /// <summary>One of several expressions.</summary>
    public static GrammarExpression Any(params ReadOnlySpan<GrammarExpression> parts) => parts.Length == 1 ? parts[0] : new Choice([.. parts]);

    /// <summary>An expression that may be left out.</summary>
    public static GrammarExpression Optional(GrammarExpression item) => new Repetition(item, 0, 1);

    /// <summary>An expression any number of times.</summary>
    public static GrammarExpression Many(GrammarExpression item) => new Repetition(item, 0, null);

    /// <summary>A character from a range.</summary>
    public static GrammarExpression Range(int first, int last) => new Characters(CodePointSet.Of((first, last)));

    /// <summary>A decimal digit, some times.</summary>
    public static GrammarExpression Digits(int least, int most) => least == 1 && most == 1 ? Range('0', '9') : new Repetition(Range('0', '9'), least, most);

    /// <summary>Bytes, as they are.</summary>
    internal sealed class Literal(byte[] bytes) : GrammarExpression
    {
        public byte[] Bytes { get; } = bytes;
    }

    /// <summary>A character of a set.</summary>
    internal sealed class Characters(CodePointSet set) : GrammarExpression
    {
        public CodePointSet Set { get; } = set;
    }

    /// <summary>One part behind the other.</summary>
    internal sealed class Sequence(ImmutableArray<GrammarExpression> parts) : GrammarExpression
    {
        public ImmutableArray<GrammarExpression> Parts { get; } = parts;
    }

    /// <summary>One of the parts.</summary>
    internal sealed class Choice(ImmutableArray<GrammarExpression> parts) : GrammarExpression
    {
        public ImmutableArray<GrammarExpression> Parts { get; } = parts;
    }

    /// <summary>A part some times; without a largest number, as often as one likes.</summary>
    internal sealed class Repetition(GrammarExpression item, int least, int? most) : GrammarExpression
    {
        public GrammarExpression Item { get; } = item;

        public int Least { get; } = least;

        public int? Most { get; } = most;
    }

    /// <summary>What a rule says.</summary>
    internal sealed class Rule(string name) : GrammarExpression
    {
        public string Name { get; } = name;
    }
}
