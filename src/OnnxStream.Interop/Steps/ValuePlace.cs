using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Steps;

/// <summary>Where a value lies in the memory of another one, which operators that only put their inputs into places then need not copy.</summary>
/// <param name="Whole">The other value.</param>
/// <param name="FirstElement">The first element.</param>
/// <param name="IsStripe">Whether rows of the value are parts of rows of the other; otherwise all of it lies there.</param>
internal readonly record struct ValuePlace(Value Whole, long FirstElement, bool IsStripe);
