namespace OnnxStream.Interop.Cli.Reports;

/// <summary>What <c>tokenize --json</c> prints.</summary>
/// <param name="Tokens">The tokens.</param>
/// <param name="Text">The text that they are, special tokens included.</param>
internal sealed record TokenizeReport(IReadOnlyList<TokenReport> Tokens, string Text);

/// <summary>A token.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Token">The token as the vocabulary has it; null where it has none of that id.</param>
internal sealed record TokenReport(int Id, string? Token);
