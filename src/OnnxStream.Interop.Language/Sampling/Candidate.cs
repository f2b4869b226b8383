namespace OnnxStream.Interop.Language.Sampling;

/// <summary>A token that may be drawn.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Score">Its score, divided by the temperature.</param>
/// <param name="Probability">Its probability among the candidates.</param>
internal readonly record struct Candidate(int Id, float Score, double Probability);
