namespace OnnxStream.Interop.Language;

/// <summary>A token and how likely it was.</summary>
/// <param name="Id">The token's id.</param>
/// <param name="LogProbability">The natural logarithm of the probability that the model gave it, before any sampling option.</param>
public readonly record struct TokenProbability(int Id, float LogProbability);
