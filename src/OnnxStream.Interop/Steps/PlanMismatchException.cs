namespace OnnxStream.Interop.Steps;

/// <summary>Tells whoever fits a plan to other shapes that it cannot be done. Never leaves the library.</summary>
#pragma warning disable CA1064 // internal on purpose: it is control flow between two classes
internal sealed class PlanMismatchException() : Exception("The plan has no place for this.");
#pragma warning restore CA1064
