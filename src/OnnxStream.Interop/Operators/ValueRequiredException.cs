using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>Tells the specializer that a node cannot be planned before the content of a value is known. Never leaves the library.</summary>
#pragma warning disable CA1064 // internal on purpose: it is control flow between two classes
internal sealed class ValueRequiredException(Value value) : Exception($"The content of '{value.Name}' is needed for planning.")
#pragma warning restore CA1064
{
    /// <summary>The value.</summary>
    public Value Value { get; } = value;
}
