namespace OnnxStream.Interop.Language.Tokenizers;

/// <summary>A token that is found in a text before anything else is done with it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Content">Its text.</param>
/// <param name="IsSpecial">Whether it is left out where special tokens are.</param>
/// <param name="IsSingleWord">Whether it must not be part of a longer word.</param>
/// <param name="TakesLeft">Whether white space before it goes with it.</param>
/// <param name="TakesRight">Whether white space behind it goes with it.</param>
/// <param name="IsNormalized">Whether it is looked for in the normalized text.</param>
internal sealed record AddedToken(int Id, string Content, bool IsSpecial, bool IsSingleWord, bool TakesLeft, bool TakesRight, bool IsNormalized);
