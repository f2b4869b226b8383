using System.Globalization;


namespace OnnxStream.Interop;

/// <summary>A dimension that a model declares: a number, or open (with or without a name).</summary>
/// <param name="Value">The dimension, or -1 where it is open until the first inputs bind it.</param>
/// <param name="Symbol">The name of an open dimension; equal names stand for equal numbers.</param>
public readonly record struct Dimension(long Value, string? Symbol = null)
{
    /// <summary>Whether the number is known.</summary>
    public bool IsKnown => Value >= 0;

    /// <summary>The number, the name, or <c>?</c>.</summary>
    public override string ToString() => IsKnown ? Value.ToString(CultureInfo.InvariantCulture) : Symbol ?? "?";
}
