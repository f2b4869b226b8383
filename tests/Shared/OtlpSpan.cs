namespace OnnxStream.Interop.Tests;

/// <summary>A span that a collector got.</summary>
/// <param name="Service">The process that it comes from.</param>
/// <param name="Trace">The trace, in hexadecimal digits.</param>
/// <param name="Id">Its name in the trace.</param>
/// <param name="Parent">The span that it belongs to; empty for the first one.</param>
/// <param name="Name">What it is called.</param>
/// <param name="Attributes">What it says of itself.</param>
internal sealed record OtlpSpan(string Service, string Trace, string Id, string Parent, string Name, IReadOnlyDictionary<string, string> Attributes);
