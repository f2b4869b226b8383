namespace OnnxStream.Interop.Weights;

/// <summary>A weight of which a run copies parts, in an order that only the run knows; it is never resident as a whole.</summary>
/// <param name="Range">Where it lies.</param>
/// <param name="NeededAt">The index in the schedule of the range that is used next after it: what is read ahead need not be earlier.</param>
public readonly record struct PartlyReadWeight(WeightRange Range, int NeededAt);
