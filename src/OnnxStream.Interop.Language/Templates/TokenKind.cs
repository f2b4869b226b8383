namespace OnnxStream.Interop.Language.Templates;

/// <summary>What a part of a template is.</summary>
internal enum TokenKind
{
    /// <summary>Text that is written as it stands.</summary>
    Text,

    /// <summary><c>{{</c></summary>
    VariableBegin,

    /// <summary><c>}}</c></summary>
    VariableEnd,

    /// <summary><c>{%</c></summary>
    BlockBegin,

    /// <summary><c>%}</c></summary>
    BlockEnd,

    /// <summary>A name or a word of the language.</summary>
    Name,

    /// <summary>A text in quotation marks.</summary>
    String,

    /// <summary>A whole number.</summary>
    Integer,

    /// <summary>A number with a point or an exponent.</summary>
    Float,

    /// <summary>A sign of one or two characters.</summary>
    Operator,

    /// <summary>The end of the template.</summary>
    End,
}
