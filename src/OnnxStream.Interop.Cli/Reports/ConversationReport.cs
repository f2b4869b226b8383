namespace OnnxStream.Interop.Cli.Reports;

/// <summary>What <c>/save</c> of <c>chat</c> writes, and <c>/load</c> reads.</summary>
/// <param name="Model">The model's name.</param>
/// <param name="Messages">The messages, the first one first.</param>
internal sealed record ConversationReport(string Model, IReadOnlyList<MessageReport> Messages);

/// <summary>A message.</summary>
/// <param name="Role">Who speaks.</param>
/// <param name="Content">What is said.</param>
internal sealed record MessageReport(string Role, string Content);
